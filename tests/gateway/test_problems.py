"""Whatever goes wrong has one shape, and nothing a client sends is answered with a 500."""

import httpx
import pytest

from contracts.blueprint import CreateBlueprint, GetBlueprint, ListBlueprints
from contracts.execution import ListInstances
from contracts.refusal import Conflict, Forbidden, Missing, PreconditionFailed, Problem, Refusal, TooMany, Unavailable
from gateway.bodies import MAX_BODY_BYTES, MAX_DEPTH, depth
from tests.gateway.fakes import FakeHouse, stranger

BLUEPRINTS = "/api/v2/blueprints"
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors"}


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of an answer that must be a problem."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == MEMBERS
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:headrace:problem:{problem['code']}"
    return answer.status_code, problem["code"]


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v2", "/api/v2/nothing", "/api/v1/blueprints", "/a%00b"])
async def test_an_unknown_route_is_a_404(ada: httpx.AsyncClient, path: str):
    assert problem_of(await ada.get(path)) == (404, "not_found")


@pytest.mark.parametrize("id", ["x", "123", "%00", "..%2f..", "0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e1", "ü"])
async def test_what_is_no_uuid_names_nothing(ada: httpx.AsyncClient, id: str):
    assert problem_of(await ada.get(f"{BLUEPRINTS}/{id}")) == (404, "not_found")


async def test_another_method_is_a_405_that_names_the_possible_ones(ada: httpx.AsyncClient):
    answer = await ada.patch(BLUEPRINTS)

    assert problem_of(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, OPTIONS, POST"


@pytest.mark.parametrize(
    "refusal",
    [
        Forbidden("not_the_owner", "Only its owner may change it."),
        Missing("no_blueprint", "There is no such blueprint."),
        Conflict("archived", "It is archived.", (Problem(pointer="/x", code="y", message="Z."),)),
        PreconditionFailed("version_mismatch", "It is at version 3."),
    ],
)
async def test_a_refusal_of_a_service_is_passed_on(ada: httpx.AsyncClient, house: FakeHouse, refusal: Refusal):
    await house.when(GetBlueprint, refusal)
    path = f"{BLUEPRINTS}/{stranger()}"

    answer = await ada.get(path)

    assert problem_of(answer) == (refusal.status, refusal.code)
    assert answer.json() == {
        "type": f"urn:headrace:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": path,
        "code": refusal.code,
        "errors": [error.model_dump() for error in refusal.errors],
    }


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (1.5, "2"), (None, "1"), (30, "30")])
async def test_a_refusal_for_now_says_when_to_come_back(
    ada: httpx.AsyncClient, house: FakeHouse, seconds: float | None, header: str
):
    await house.when(GetBlueprint, TooMany("rate", "Slower.", retry_after_seconds=seconds))
    await house.when(ListBlueprints, Unavailable("later", "Later.", retry_after_seconds=seconds))

    too_many = await ada.get(f"{BLUEPRINTS}/{stranger()}")
    unavailable = await ada.get(BLUEPRINTS)

    assert (too_many.status_code, too_many.headers["retry-after"]) == (429, header)
    assert (unavailable.status_code, unavailable.headers["retry-after"]) == (503, header)


async def test_a_service_that_is_not_there_is_a_503(ada: httpx.AsyncClient):
    answer = await ada.get(BLUEPRINTS)

    assert problem_of(answer) == (503, "no_responder")
    assert answer.headers["retry-after"] == "1"


async def test_a_defect_is_told_by_its_id_alone(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(GetBlueprint, b"this is not JSON, and not for everybody's eyes")

    answer = await ada.get(f"{BLUEPRINTS}/{stranger()}")

    assert problem_of(answer) == (500, "internal_error")
    assert "eyes" not in answer.text


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("colour=red", "?colour"),
        ("limit=0", "?limit"),
        ("limit=201", "?limit"),
        ("limit=ten", "?limit"),
        ("limit=1_0", "?limit"),
        ("limit=%205", "?limit"),
        ("limit=99999999999999999999999", "?limit"),
        ("limit=", "?limit"),
        ("limit=5&limit=6", "?limit"),
        ("status=done", "?status"),
        ("blueprint_id=7", "?blueprint_id"),
        ("since=2026-01-31", "?since"),
        ("since=1767225600", "?since"),
        ("since=2026-01-31T12:00:00", "?since"),
        ("until=0001-01-01T00:00:00%2B14:00", "?until"),
        ("until=9999-12-31T23:59:59-14:00", "?until"),
        ("conversation_id=a%00b", "?conversation_id"),
    ],
)
async def test_a_query_that_cannot_be_used_is_a_400(ada: httpx.AsyncClient, query: str, pointer: str):
    answer = await ada.get(f"/api/v2/instances?{query}")

    assert problem_of(answer) == (400, "bad_query")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("key", ["a" * 256, "", "sp\tace", "schlüssel"])
async def test_an_idempotency_key_that_cannot_be_kept_is_a_400(ada: httpx.AsyncClient, key: str):
    headers = {"Idempotency-Key": key.encode("latin-1")}

    answer = await ada.post(f"{BLUEPRINTS}/{stranger()}/execute", json={}, headers=headers)

    assert problem_of(answer) == (400, "bad_idempotency_key")


async def test_every_bad_query_key_is_told_at_once(ada: httpx.AsyncClient):
    answer = await ada.get("/api/v2/instances?limit=0&colour=red&status=done")

    assert {error["pointer"] for error in answer.json()["errors"]} == {"?limit", "?colour", "?status"}


@pytest.mark.parametrize("path", ["", "/{id}/clone", "/{id}/execute", "/{id}/stream"])
async def test_endpoints_without_query_keys_refuse_them_too(ada: httpx.AsyncClient, path: str):
    answer = await ada.post(BLUEPRINTS + path.format(id=stranger()) + "?x=1", json={})

    assert problem_of(answer) == (400, "bad_query")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"name": "a" "b"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name":"\xff"}',
        b'{"a":' * 150 + b"1" + b"}" * 150,
    ],
)
async def test_what_is_not_json_is_a_400(ada: httpx.AsyncClient, body: bytes):
    status, code = problem_of(await ada.post(BLUEPRINTS, content=body))

    assert (status, code) in {(400, "malformed_json"), (400, "too_deep")}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"name":7,"nodes":[{"id":"a","type":"start"}]}', "/name"),
        (b'{"nodes":[{"id":"a","type":"start"}]}', "/name"),
        (b'{"name":"n","nodes":[{"id":"a","type":"start"}],"colour":"red"}', "/colour"),
        (b'{"name":"n\\u0000","nodes":[{"id":"a","type":"start"}]}', "/name"),
        (b'{"name":"n","nodes":[{"id":"a","type":"start","config":{"x":NaN}}]}', "/nodes/0/config/x"),
        (b'{"name":"n","nodes":[{"id":"a","type":"start","config":{"x":1e999}}]}', "/nodes/0/config/x"),
        (b'{"name":"n","nodes":[{"id":"a","type":"start","config":{"x":' + b"9" * 400 + b"}}]}", "/nodes/0/config/x"),
        (b'{"name":"n","nodes":[{"id":"a","type":"start","config":{"x":"\\ud800"}}]}', "/nodes/0/config/x"),
        (b"[]", ""),
        (b"null", ""),
    ],
)
async def test_a_body_with_bad_content_is_a_422_with_pointers(ada: httpx.AsyncClient, body: bytes, pointer: str):
    answer = await ada.post(BLUEPRINTS, content=body)

    assert problem_of(answer) == (422, "invalid_body")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_every_problem_of_a_body_is_told_at_once(ada: httpx.AsyncClient):
    body = {"name": "", "nodes": [{"id": 7, "type": "start"}], "tags": "red", "colour": 1}

    answer = await ada.post(BLUEPRINTS, json=body)

    assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/nodes/0/id", "/tags", "/colour"}


async def test_a_large_body_is_refused_by_what_it_announces(served: httpx.AsyncClient):
    answer = await served.post(BLUEPRINTS, content=b"x" * (MAX_BODY_BYTES + 1))

    assert problem_of(answer) == (413, "too_large")


async def test_a_large_body_that_announces_nothing_is_not_read_to_its_end(ada: httpx.AsyncClient):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    answer = await ada.post(BLUEPRINTS, content=endless())

    assert problem_of(answer) == (413, "too_large")
    assert sent <= MAX_BODY_BYTES + 2 * 65_536


async def test_a_body_of_the_largest_size_is_read(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(CreateBlueprint, Conflict("seen", "It was read."))
    start = b'{"name":"n","description":"'
    end = b'","nodes":[{"id":"a","type":"start"}]}'
    body = start + b"x" * (MAX_BODY_BYTES - len(start) - len(end)) + end

    answer = await ada.post(BLUEPRINTS, content=body)

    assert answer.json()["errors"][0]["pointer"] == "/description"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1", 0),
        (b"[[{}]]", 3),
        (b'"[[[["', 0),
        (b'{"a\\"[[":["[", "\\\\"]}', 2),
        (b'"[[[[', 0),
        (b"[" * 9 + b"]" * 9, 9),
    ],
)
def test_depth_counts_brackets_outside_of_strings(text: bytes, expected: int):
    assert depth(text) == expected


async def test_a_body_may_nest_as_deep_as_the_limit(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ListInstances, Conflict("unused", "Unused."))
    inner = MAX_DEPTH - 1
    body = b'{"input":' + b"[" * inner + b"]" * inner + b"}"

    answer = await ada.post(f"{BLUEPRINTS}/{stranger()}/execute", content=body)

    assert answer.json()["code"] == "no_responder"

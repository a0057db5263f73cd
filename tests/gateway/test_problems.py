"""Whatever goes wrong has one shape, and nothing a client sends is answered with a 500."""

import httpx
import pytest

from contracts.blueprint import GetBlueprint, ListBlueprints
from contracts.refusal import Conflict, Forbidden, Missing, PreconditionFailed, Problem, Refusal, TooMany, Unavailable
from tests.gateway.fakes import FakeHouse, problem_of, stranger

BLUEPRINTS = "/api/v2/blueprints"


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

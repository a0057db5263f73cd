"""What a body may be: JSON of a bounded size and depth, with nothing in it that nobody can keep."""

import httpx
import pytest

from contracts.blueprint import CreateBlueprint
from contracts.refusal import Conflict
from gateway.bodies import MAX_BODY_BYTES, MAX_DEPTH, depth
from tests.gateway.fakes import FakeHouse, problem_of, stranger

BLUEPRINTS = "/api/v2/blueprints"


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
        b'{"name":"n","nodes":[{"id":"a","type":"start","config":{"x":NaN}}]}',
        b'{"name":"n","nodes":[{"id":"a","type":"start","position":{"x":Infinity,"y":-Infinity}}]}',
        b'{"name":"","tags":NaN}',
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


@pytest.mark.parametrize("body", [b'{"input":NaN}', b'{"input":{"a":[Infinity]}}', b'{"metadata":{"a":-Infinity}}'])
async def test_an_input_that_only_looks_like_json_is_a_400(ada: httpx.AsyncClient, body: bytes):
    for path in ("execute", "stream"):
        answer = await ada.post(f"{BLUEPRINTS}/{stranger()}/{path}", content=body)

        assert problem_of(answer) == (400, "malformed_json")


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


async def test_a_body_may_nest_as_deep_as_the_limit(ada: httpx.AsyncClient):
    inner = MAX_DEPTH - 1
    body = b'{"input":' + b"[" * inner + b"]" * inner + b"}"

    answer = await ada.post(f"{BLUEPRINTS}/{stranger()}/execute", content=body)

    assert answer.json()["code"] == "no_responder"

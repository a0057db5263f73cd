"""Whatever is wrong with a request, the answer is a problem that points at it, and nothing is written."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest

from headrace.embedded.secrets import read_secrets
from headrace.tokens import ALGORITHM
from tests.support.api import Api
from tests.support.blueprints import chain, step
from tests.support.databases import at_rest, heads, last_milestone
from tests.support.stacks import Up

GOOD = chain(step("tell"))
LOOP = [{"source": "start", "target": "a"}, {"source": "a", "target": "b"}, {"source": "b", "target": "a"}]
PROBLEM = "application/problem+json"
NOBODYS = "018f3a52-0000-7000-8000-000000000000"
"""A well-formed id that nothing has; the same in every worker, for it stands in the names of tests."""
TOO_LARGE = "x" * (4 * 1024 * 1024)


@pytest.fixture(autouse=True)
async def nothing_is_written(stack: Up) -> AsyncIterator[None]:
    """All ledgers end where they ended before; only the audit trail tells that something was asked."""
    await at_rest(stack)
    before = await ends(stack)
    yield
    assert await ends(stack) == before


async def ends(stack: Up) -> dict[str, int]:
    """Where each ledger ends, but for the audit trail."""
    return await heads(stack) | {"access": await last_milestone(stack, "access")}


def with_node(node: dict, *edges: dict) -> dict:
    """A blueprint that is good but for this node."""
    body = chain(step("tell"))
    return body | {"nodes": [*body["nodes"], node], "edges": [*body["edges"], *edges]}


def pointers(problems: list[dict]) -> set[str]:
    """Where problems are."""
    return {problem["pointer"] for problem in problems}


BAD_BLUEPRINTS = {
    "no name": ({"nodes": GOOD["nodes"], "edges": GOOD["edges"]}, "/name"),
    "a name that is a number": (GOOD | {"name": 7}, "/name"),
    "nodes that are no list": (GOOD | {"nodes": "start"}, "/nodes"),
    "an unknown member": (GOOD | {"colour": "blue"}, "/colour"),
    "an unknown member of a node": (GOOD | {"nodes": [{"id": "start", "type": "start", "x": 1}]}, "/nodes/0/x"),
    "an unknown node type": (with_node(step("x", "teleport")), "/nodes/2/type"),
    "a node id twice": (with_node(step("tell")), "/nodes/2/id"),
    "a node id with a blank": (with_node(step("a b")), "/nodes/2/id"),
    "an unreachable node": (with_node(step("alone")), "/nodes/2"),
    "an edge to nowhere": (GOOD | {"edges": [{"source": "start", "target": "x"}]}, "/edges/0/target"),
    "a cycle without an exit": (
        {"name": "loop", "nodes": [{"id": "start", "type": "start"}, step("a"), step("b")], "edges": LOOP},
        "/nodes/1",
    ),
    "a broken condition": (
        GOOD | {"edges": [{"source": "start", "target": "tell", "condition": "input.x >"}]},
        "/edges/0/condition",
    ),
    "a condition on what is not there": (
        GOOD | {"edges": [{"source": "start", "target": "tell", "condition": "nodes.nobody == 1"}]},
        "/edges/0/condition",
    ),
    "a template that does not close": (
        with_node(step("x", "transform", output="${ input.x")),
        "/nodes/2/config/output",
    ),
    "a delay that is a word": (with_node(step("x", "delay", seconds="long")), "/nodes/2/config/seconds"),
    "a delay that is missing": (with_node(step("x", "delay")), "/nodes/2/config/seconds"),
    "a retry without end": (with_node(step("x", retry={"max_attempts": 1_000})), "/nodes/2/config/retry/max_attempts"),
    "an unknown executor": (GOOD | {"config": {"executor": "magic"}}, "/config/executor"),
    "no start": ({"name": "endless", "nodes": [step("tell")], "edges": []}, "/nodes"),
}


class TestABadBlueprint:
    @pytest.mark.parametrize("bad", BAD_BLUEPRINTS.values(), ids=BAD_BLUEPRINTS.keys())
    async def test_is_refused_with_a_pointer_to_what_is_wrong(self, ada: Api, bad: tuple[dict, str]) -> None:
        body, pointer = bad

        problem = await ada.refused("POST", "/blueprints", 422, json=body)

        assert pointer in pointers(problem["errors"]), problem["errors"]
        assert all(error["code"] and error["message"].endswith((".", ")")) for error in problem["errors"])

    async def test_is_told_all_its_problems_at_once(self, ada: Api) -> None:
        graph = with_node(step("x", "delay", seconds="long"), {"source": "tell", "target": "y", "condition": "1 +"})
        shape = {"name": "", "config": {"executor": 7}, "colour": "blue"}

        at_first = await ada.refused("POST", "/blueprints", 422, json=graph | shape)
        rehearsed = await ada.ask("POST", "/blueprints?dry_run=true", json=graph | shape)
        in_the_graph = await ada.refused("POST", "/blueprints", 422, json=graph)
        in_the_shape = await ada.refused("POST", "/blueprints", 422, json=GOOD | shape)

        assert pointers(in_the_graph["errors"]) >= {"/nodes/2/config/seconds", "/edges/1/target", "/edges/1/condition"}
        assert pointers(in_the_shape["errors"]) == {"/name", "/config/executor", "/colour"}
        assert at_first["errors"] == rehearsed["problems"]
        assert at_first["errors"] == in_the_shape["errors"] + in_the_graph["errors"]

    async def test_is_judged_without_writing_anything_on_a_dry_run(self, ada: Api) -> None:
        good = await ada.ask("POST", "/blueprints?dry_run=true", json=GOOD)
        bad = await ada.ask("POST", "/blueprints?dry_run=true", json=with_node(step("x", "teleport")))

        assert good == {"valid": True, "problems": []}
        assert bad["valid"] is False
        assert "/nodes/2/type" in pointers(bad["problems"])


class TestABadRequest:
    @pytest.mark.parametrize("raw", ['{"name": ', "", "[1,", "\xff", '{"input": NaN}', '{"name": [Infinity]}'])
    async def test_that_is_no_json_is_malformed(self, ada: Api, raw: str) -> None:
        for path in ("/blueprints", f"/blueprints/{NOBODYS}/execute"):
            await ada.refused("POST", path, 400, content=raw.encode("latin-1"))

    @pytest.mark.parametrize(
        ("path", "body"),
        [("/blueprints", {"name": TOO_LARGE}), (f"/blueprints/{NOBODYS}/execute", {"input": TOO_LARGE})],
    )
    async def test_that_is_too_large_is_not_read(self, ada: Api, path: str, body: dict) -> None:
        await ada.refused("POST", path, 413, json=body)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/blueprints/{id}"),
            ("DELETE", "/blueprints/{id}"),
            ("GET", "/blueprints/{id}/analytics"),
            ("POST", "/blueprints/{id}/clone"),
            ("POST", "/blueprints/{id}/execute"),
            ("POST", "/blueprints/{id}/stream"),
            ("GET", "/instances/{id}"),
            ("GET", "/instances/{id}/logs"),
            ("POST", "/instances/{id}/cancel"),
        ],
    )
    @pytest.mark.parametrize("unknown", [NOBODYS, "not-an-id"])
    async def test_for_what_is_not_there_finds_nothing(self, ada: Api, method: str, path: str, unknown: str) -> None:
        body = {"json": {}} if path.endswith(("clone", "execute", "stream")) else {}

        problem = await ada.refused(method, path.replace("{id}", unknown), 404, **body)

        assert problem["instance"].endswith(path.replace("{id}", unknown))

    async def test_without_a_token_that_holds_is_turned_away(self, ada: Api, stack: Up) -> None:
        secrets = read_secrets(stack.data_dir)
        assert secrets is not None
        expired = _signed(secrets.jwt, time.time() - 60)
        forged = _signed("a key that is somebody else's altogether", time.time() + 60)

        for authorization in ("", "Bearer", "Bearer x.y.z", f"Bearer {expired}", f"Bearer {forged}", "Basic YTpi"):
            answer = await ada.send("POST", "/blueprints", json=GOOD, headers={"Authorization": authorization})
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("path", ["/nowhere", "/blueprints/x/y/z"])
    async def test_for_an_unknown_path_is_a_problem_too(self, ada: Api, path: str) -> None:
        answer = await ada.send("GET", path)

        assert answer.status_code == 404
        _is_a_problem(answer)

    async def test_with_an_unknown_method_is_a_problem_too(self, ada: Api) -> None:
        answer = await ada.send("PATCH", "/blueprints", json={})

        assert answer.status_code == 405
        _is_a_problem(answer)


def _signed(key: str, expires: float) -> str:
    import jwt  # noqa: PLC0415 - the one test that signs what the product would not

    return jwt.encode({"sub": "ada", "teams": [], "exp": int(expires)}, key, algorithm=ALGORITHM)


def _is_a_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"].startswith(PROBLEM)
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance", "code", "errors"}

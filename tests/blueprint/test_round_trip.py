"""What is written comes back: every value equal and every list in its order, by one statement."""

import json
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from blueprint import queries
from blueprint.domain import Blueprint
from chassis.ids import new_id
from chassis.read_model import ReadModel
from contracts.blueprint import GetBlueprint
from contracts.refusal import Missing
from tests.blueprint.shelf import ANN, BEN, AlwaysFresh, a_body

EVERY_CONFIG = {
    "executor": "parallel",
    "timeout_seconds": 0.1,
    "wait_seconds": 0.0,
    "provider": "offline",
    "model": "tiny",
    "temperature": 0.3,
    "cache": {"ttl_seconds": 12.5, "scope": "team", "key": "input.word"},
    "retry": {
        "max_attempts": 7,
        "backoff_seconds": 0.0,
        "backoff_factor": 1.5,
        "max_backoff_seconds": 60.1,
        "jitter": 0.25,
        "retry_on": ["timeout", "transient"],
        "never_on": ["http_404"],
    },
    "instance_retry": {"max_attempts": 2, "backoff_seconds": 0.5, "never_on": ["rejected", "http_410"]},
    "max_parallel": 3,
    "max_visits": 9,
    "input_schema": {"type": "object", "required": ["word"], "properties": {"word": {"maximum": 1e300}}},
    "rate_limit": {"limit": 5, "per_seconds": 0.5, "scope": "blueprint", "on_limit": "queue"},
    "rate_limits": [
        {"limit": 90_000, "per_seconds": 60.0, "count": "tokens", "node_type": "model", "model": "tiny"},
        {"limit": 3, "scope": "team", "count": "nodes"},
    ],
    "concurrency": {"key": "input.account", "limit": 4},
    "middleware": {"leave_out": ["caching"], "order": ["validation", "rate_limiting"]},
}
ODD_VALUES = {
    "zulu": 1,
    "alpha": 1.0,
    "big": 2**63 - 1,
    "small": -(2**63),
    "huge": 1e300,
    "tiny": 5e-324,
    "third": 0.1 + 0.2,
    "text": 'Grüße \U0001f600 \\u0000 "quoted" \n',
    "": [None, True, False, {}, [], {"b": 1, "a": [1.50, "1.50"]}],
}


async def test_every_value_comes_back_as_it_was_written(shelf):
    nodes = [
        {"id": "begin", "type": "start", "position": {"x": 1.5, "y": -2}},
        {"id": "odd", "type": "transform", "name": "Ünïcode", "config": {"output": ODD_VALUES}},
    ]
    body = a_body(nodes=nodes, edges=[{"source": "begin", "target": "odd", "id": "e1"}], config=EVERY_CONFIG)
    written = Blueprint.create(new_id(), body, ANN)

    await shelf.keep(written)
    found = await shelf.get(written.id)

    assert found == written.view()
    assert found.model_dump_json() == written.view().model_dump_json()
    assert json.dumps(found.nodes[1].config["output"]) == json.dumps(ODD_VALUES)


@pytest.mark.parametrize("caught", ["any", ["timeout"], ["permanent", "rejected"], None])
async def test_an_edge_keeps_the_errors_that_it_is_taken_after(shelf, caught):
    nodes = [{"id": "begin", "type": "start"}, {"id": "try", "type": "tool"}, {"id": "mend", "type": "transform"}]
    edges = [{"source": "begin", "target": "try"}, {"source": "try", "target": "mend", "on_error": caught}]
    body = a_body(nodes=nodes, edges=edges)

    assert (await shelf.get(await shelf.put(nodes=nodes, edges=edges))).edges == body.edges


@pytest.mark.parametrize("middleware", [None, {}, {"leave_out": ["retry"]}])
async def test_a_choice_of_middleware_that_chooses_nothing_is_still_one(shelf, middleware):
    id = await shelf.put(config={"middleware": middleware})

    assert (await shelf.get(id)).config == a_body(config={"middleware": middleware}).config


@pytest.mark.parametrize("cache", [None, False, {"ttl_seconds": 1.0, "scope": "owner"}])
async def test_a_cache_that_is_off_is_not_one_that_was_not_mentioned(shelf, cache):
    id = await shelf.put(config={"cache": cache})

    assert (await shelf.get(id)).config == a_body(config={"cache": cache}).config


async def test_nodes_edges_and_tags_keep_their_order(shelf):
    names = [f"n{number * 7919 % 500:03}" for number in range(500)]
    nodes = [{"id": "begin", "type": "start"}, *({"id": name, "type": "transform"} for name in names)]
    edges = [{"source": "begin", "target": name, "condition": f"input.x == {name!r}"} for name in reversed(names)]
    tags = ["zeta", "alpha", "zeta", "Mid"]

    found = await shelf.get(await shelf.put(nodes=nodes, edges=edges, tags=tags))

    assert [node.id for node in found.nodes] == ["begin", *names]
    assert [edge.target for edge in found.edges] == names[::-1]
    assert list(found.tags) == tags


async def test_one_statement_reads_a_version_with_its_graph(shelf, blueprint_dsn):
    id = await shelf.put()
    statements = []

    async def listen(connection):
        connection.add_query_logger(lambda record: statements.append(record.query))

    settings = {"search_path": "blueprint"}
    async with asyncpg.create_pool(blueprint_dsn, min_size=1, init=listen, server_settings=settings) as pool:
        at = replace(shelf.at, rows=ReadModel(pool, AlwaysFresh()))
        await queries.get(GetBlueprint(caller=ANN, blueprint_id=id), at)
        # Once for each connection the driver asks what its types are.
        statements.clear()
        found = await queries.get(GetBlueprint(caller=ANN, blueprint_id=id), at)

    assert len(found.nodes) == 3
    assert [statement for statement in statements if "RESET ALL" not in statement] == [queries.GET]


async def test_every_version_stays_readable(shelf):
    blueprint = Blueprint.create(new_id(), a_body(name="one", tags=["x"]), ANN)
    blueprint.revise(a_body(name="two", edges=[], nodes=[{"id": "begin", "type": "start"}]), ANN)
    await shelf.keep(blueprint)
    blueprint.revise(a_body(name="three", visibility="team", team_id="blue"), ANN)
    blueprint.archive(ANN)
    await shelf.keep(blueprint)

    first, second, latest = [await shelf.get(blueprint.id, version) for version in (1, 2, None)]

    assert (first.name, first.version, first.tags, len(first.nodes)) == ("one", 1, ("x",), 3)
    assert (second.name, second.version, second.edges) == ("two", 2, ())
    assert latest == blueprint.view()
    assert {view.visibility for view in (first, second, latest)} == {"team"}
    assert latest.archived_at is not None


async def test_what_is_not_there_and_what_is_not_visible_look_the_same(shelf):
    private, unknown = await shelf.put(), uuid4()

    with pytest.raises(Missing) as hidden:
        await shelf.get(private, caller=BEN)
    with pytest.raises(Missing) as missing:
        await shelf.get(unknown, caller=BEN)

    assert hidden.value.code == missing.value.code
    assert hidden.value.detail == missing.value.detail.replace(str(unknown), str(private))


async def test_a_version_that_was_never_recorded_is_missing(shelf):
    id = await shelf.put()

    for version in (0, -1, 2, 2**31 - 1, 2**70):
        with pytest.raises(Missing) as refused:
            await shelf.get(id, version)
        assert refused.value.code == "version_not_found"

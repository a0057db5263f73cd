"""The rows are disposable: made anew they are the same, however facts are batched; and they cost few statements."""

import random
from dataclasses import replace

import asyncpg
import pytest

from blueprint import queries
from blueprint.collaborators import Collaborators
from blueprint.domain import Blueprint
from blueprint.projections import BlueprintsProjection
from blueprint.references import References
from chassis.codec import Codec
from chassis.event_store import PostgresEventStore
from chassis.folding import Folder
from chassis.ids import new_id
from chassis.postgres import lock_key
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource
from chassis.read_model import ReadModel
from chassis.streams import Streams
from contracts.blueprint import BLUEPRINT_EVENTS, GetBlueprint
from contracts.refusal import Unavailable
from tests.blueprint.shelf import ANN, BEN, EVE, a_body

BLUEPRINTS = 60
CHANGES = 400


def changed_at_random(dice: random.Random, known: list[Blueprint]) -> list[Blueprint]:
    """One more decision: a new blueprint, a clone, a version, a sharing, an archival."""
    used = [blueprint for blueprint in known if blueprint.archived_on is None]
    templates = [blueprint for blueprint in used if blueprint.body.is_template]
    members = {
        "name": f"Name {dice.randrange(1_000)}",
        "tags": dice.choices(["red", "green", "blue", "blue"], k=dice.randrange(4)),
        "is_template": dice.random() < 0.3,
        "visibility": dice.choice(["private", "public"]),
        "config": dice.choice(
            [{}, {"cache": False}, {"retry": {"max_attempts": 2}, "input_schema": {"type": "object"}}]
        ),
        "nodes": [
            {"id": f"n{number}", "type": dice.choice(["tool", "http"])} for number in range(dice.randrange(1, 9))
        ],
        "edges": [{"source": "n0", "target": "n0", "condition": "false"}] * dice.randrange(3),
    }
    kind = dice.random()
    if len(known) < BLUEPRINTS or not used:
        return [Blueprint.create(new_id(), a_body(**members), dice.choice([ANN, BEN, EVE]))]
    if kind < 0.2 and templates:
        template = dice.choice(templates)
        return [template.clone(new_id(), ANN.model_copy(update={"user_id": template.owner_id}))]
    chosen = dice.choice(used)
    owner = ANN.model_copy(update={"user_id": chosen.owner_id})
    if kind < 0.25:
        chosen.archive(owner)
    else:
        chosen.revise(a_body(**members), owner)
    return [chosen]


async def many_mixed_events(record, seed: int = 7) -> None:
    """Let `record` write several hundred events, the same ones for the same seed."""
    dice = random.Random(seed)
    known: dict[object, Blueprint] = {}
    for _ in range(CHANGES):
        for blueprint in changed_at_random(dice, list(known.values())):
            known[blueprint.id] = blueprint
            await record(blueprint)


async def dump(pool: asyncpg.Pool) -> dict[str, list[str]]:
    """Every row of every table of the projection, as text."""
    tables = BlueprintsProjection.tables
    return {
        name: [row[0] for row in await pool.fetch(f"SELECT t::text FROM {name} AS t ORDER BY 1")] for name in tables
    }


async def test_rows_made_anew_equal_the_dump_taken_before(desk):
    await many_mixed_events(Streams(desk.runtime.store, Blueprint).record)
    await desk.list()
    before = await dump(desk.pool)
    assert len(before["workflow_blueprint_versions"]) > 300

    position = await desk.runtime.rebuild(BlueprintsProjection())

    assert position == await desk.head()
    assert await dump(desk.pool) == before
    assert await desk.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    view = await desk.create(name="afterwards")
    assert await desk.get(view.id) == view


@pytest.mark.parametrize("batch", [1, 500])
async def test_rows_do_not_depend_on_how_facts_are_batched(shelf, batch):
    await many_mixed_events(shelf.blueprints.record)
    await shelf.fold()
    together = await dump(shelf.pool)
    async with shelf.pool.acquire() as connection:
        await connection.execute(f"TRUNCATE {', '.join(BlueprintsProjection.tables)}, checkpoints")
        await connection.execute("INSERT INTO checkpoints (projection, source, position) VALUES ('blueprints', '', 0)")
        folder, position = Folder(shelf.projection, Codec(*BLUEPRINT_EVENTS)), 0
        while facts := await shelf.store.read_after(position, batch):
            position = await folder.fold(connection, facts, position)

    assert await dump(shelf.pool) == together


async def test_a_batch_is_a_handful_of_statements(shelf):
    statements = []
    blueprints = [Blueprint.create(new_id(), a_body(tags=["x"], is_template=True), ANN) for _ in range(50)]
    for blueprint in blueprints:
        blueprint.revise(a_body(is_template=True), ANN)
    await shelf.blueprints.record(*blueprints, *(blueprint.clone(new_id(), ANN) for blueprint in blueprints))
    batch = await shelf.store.read_after(0, 500)
    async with shelf.pool.acquire() as connection:
        await connection.execute("INSERT INTO checkpoints (projection, source, position) VALUES ('blueprints', '', 0)")
        with connection.query_logger(lambda record: statements.append(record.query)):
            await Folder(shelf.projection, Codec(*BLUEPRINT_EVENTS)).fold(connection, batch, 0)

    assert len(batch) == 150
    written = [statement for statement in statements if statement.lstrip().startswith(("INSERT", "UPDATE workflow"))]
    assert len(written) == 7, "blueprints, versions, nodes, edges, tags; the revised; the cloned"


async def test_rows_too_large_for_one_statement_make_several(shelf, monkeypatch):
    monkeypatch.setattr("blueprint.projections.MAX_STATEMENT_BYTES", 300)
    nodes = [{"id": f"n{number}", "type": "tool"} for number in range(20)]

    id = await shelf.put(nodes=nodes, edges=[])

    assert [node.id for node in (await shelf.get(id)).nodes] == [node["id"] for node in nodes]


async def test_rows_that_stay_behind_are_not_shown(shelf):
    class NeverFresh:
        """A projection that does not move."""

        async def caught_up(self, timeout):
            return False

    at = replace(shelf.at, rows=ReadModel(shelf.pool, NeverFresh()))

    with pytest.raises(Unavailable) as refused:
        await queries.get(GetBlueprint(caller=ANN, blueprint_id=await shelf.put()), at)

    assert refused.value.retry_after_seconds == 1.0


async def test_a_version_costs_two_statements_the_freshness_of_the_rows_included(desk, blueprint_dsn):
    view = await desk.create()
    statements = []

    async def listen(connection):
        connection.add_query_logger(lambda record: statements.append(record.query.strip()))

    async with asyncpg.create_pool(
        blueprint_dsn, min_size=1, init=listen, server_settings={"search_path": "blueprint"}
    ) as counted:
        at = another_process(desk, counted)
        asked = GetBlueprint(caller=ANN, blueprint_id=view.id)
        await queries.get(asked, at)
        statements.clear()

        assert (await queries.get(asked, at)).nodes == view.nodes

    asked_of_the_database = [statement for statement in statements if "RESET ALL" not in statement]
    assert len(asked_of_the_database) == 2
    assert asked_of_the_database[-1] == queries.GET.strip()


def another_process(desk, pool: asyncpg.Pool) -> Collaborators:
    """What the queries of a further process on the same database would work with."""
    store = PostgresEventStore(pool, lock_key=lock_key("ledger", "blueprint"))
    source = LedgerSource(store, desk.runtime.commits)
    runner = ProjectionRunner(BlueprintsProjection(), source, desk.runtime.codec, pool)
    return Collaborators(Streams(store, Blueprint), References(store), ReadModel(pool, runner))

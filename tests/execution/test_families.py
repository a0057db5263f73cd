"""Parents and children in the read model: who is whose, who may see it, and who has not heard of whom."""

from uuid import UUID

import asyncpg

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.message import Caller
from contracts.steering import LineageView
from execution.families.telling import Kin, left_behind, lineage, untold
from tests.execution.lives import Ledger, Life, one_by_one, row_of
from tests.support.builders import ALICE, BOB

FAMILY = ("parent_id", "parent_node_id", "root_id", "detached", "parent_told")
EVER = 10 * 365 * 86_400.0
MILLER = Caller(user_id="carol", teams=("mill",))


async def seen(pool: asyncpg.Pool, life: Life, caller: Caller = ALICE) -> LineageView:
    found = await lineage(pool, life.id, caller)
    assert found is not None
    return found


async def test_a_child_knows_its_parent_and_who_began_the_family(rows: asyncpg.Connection, ledger: Ledger) -> None:
    parent = Life(ledger)
    child, stray = parent.child(), parent.child(detached=True)

    await one_by_one(rows, ledger)

    assert [(await row_of(rows, parent))[column] for column in FAMILY] == [None, None, None, False, False]
    assert [(await row_of(rows, child))[column] for column in FAMILY] == [parent.id, "call", parent.id, False, False]
    assert (await row_of(rows, stray))["detached"]


async def test_a_childs_end_is_told_once_its_parent_has_recorded_it(rows: asyncpg.Connection, ledger: Ledger) -> None:
    parent = Life(ledger)
    child, other = parent.child(), parent.child()
    child.end(facts.InstanceCompleted)
    other.end(facts.InstanceCompleted)
    parent.hear_of(child.id)

    await one_by_one(rows, ledger)

    assert (await row_of(rows, child))["parent_told"]
    assert not (await row_of(rows, other))["parent_told"]


async def test_a_lineage_goes_both_ways(rows: asyncpg.Connection, pool: asyncpg.Pool, ledger: Ledger) -> None:
    parent = Life(ledger)
    first = parent.child()
    second = parent.child()
    second.end(facts.InstanceFailed)
    await one_by_one(rows, ledger)

    above, below = await seen(pool, parent), await seen(pool, first)

    assert (above.root_id, above.parent) == (parent.id, None)
    assert [(child.instance_id, child.status, child.node_id) for child in above.children] == [
        (second.id, "failed", "call"),
        (first.id, "pending", "call"),
    ]
    assert (below.root_id, below.children) == (parent.id, ())
    assert below.parent is not None
    assert (below.parent.instance_id, below.parent.blueprint_id) == (parent.id, parent.request["blueprint_id"])


async def test_relatives_that_are_not_the_callers_are_not_shown(
    rows: asyncpg.Connection, pool: asyncpg.Pool, ledger: Ledger
) -> None:
    hidden = Life(ledger, team_id="other")
    shown = hidden.child()
    private = shown.child(team_id=None)
    await one_by_one(rows, ledger)

    found = await seen(pool, shown, MILLER)

    assert (found.parent, found.children) == (None, ())
    assert await lineage(pool, private.id, MILLER) is None
    assert await lineage(pool, shown.id, BOB) is None
    assert await lineage(pool, new_id(), ALICE) is None


async def test_an_end_that_the_parent_has_not_recorded_is_found(
    rows: asyncpg.Connection, pool: asyncpg.Pool, ledger: Ledger
) -> None:
    parent, gone = Life(ledger), Life(ledger)
    heard, unheard, running = parent.child(), parent.child(), parent.child()
    detached, late = parent.child(detached=True), gone.child()
    for child in (heard, unheard, detached):
        child.end(facts.InstanceCompleted)
    parent.hear_of(heard.id)
    gone.end(facts.InstanceFailed)
    late.end(facts.InstanceCancelled)
    await one_by_one(rows, ledger)

    assert await untold(pool, EVER, 10) == [Kin(unheard.id, parent.id)]
    assert await untold(pool, 60, 10) == []
    assert (await row_of(rows, running))["completed_at"] is None


async def test_a_child_that_outlives_a_parent_who_did_not_let_it_go_is_found(
    rows: asyncpg.Connection, pool: asyncpg.Pool, ledger: Ledger
) -> None:
    alive, gone = Life(ledger), Life(ledger)
    alive.child()
    forgotten: list[UUID] = [gone.child().id, gone.child().id]
    gone.child(detached=True)
    gone.child().end(facts.InstanceCompleted)
    gone.end(facts.InstanceTerminated)
    await one_by_one(rows, ledger)

    assert await left_behind(pool, 10) == [Kin(child, gone.id) for child in forgotten]

"""Parents and children in the read model, and rows that are the same however their facts arrived."""

import asyncpg

from contracts import instance_events as facts
from tests.execution.lives import Ledger, Life, one_by_one, row_of

FAMILY = ("parent_id", "parent_node_id", "root_id", "detached", "parent_told")


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

"""A user is erased: what runs for the user ends, and what has ended holds nothing of the user's any more."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chassis.archives import Archive
from chassis.overwriting import overwrite
from contracts import instance_events as facts
from contracts.message import PLACE
from contracts.refusal import Conflict
from contracts.steering import RetryInstance
from execution.domain.erasure import BLANKS
from execution.domain.instance import Instance
from execution.driving.erasing import Eraser, blanked
from execution.driving.records import CODEC
from execution.projections import Instances
from headrace import archiving
from headrace.errors import Complaint
from tests.execution.asking import begun, order, post, reaches
from tests.execution.guarded import everything_kept, everything_published, guarded_mill
from tests.support.access_facts import Access
from tests.support.builders import BOB, a_graph, a_node, a_reference
from tests.support.eventually import eventually
from tests.support.lent_databases import LentDatabases
from tests.support.mill import Mill

Both = tuple[Mill, Access]
PRIVATE, OTHER = "pr1vate-of-alice", "kept-for-bob"
INPUT = {"word": PRIVATE, "list": [PRIVATE, PRIVATE]}
HARMLESS = {
    *("blueprint_id", "blueprint_version", "user_id", "team_id", "config", "worker_id", "parent", "limit_key"),
    *("due_at", "epoch", "attempt", "requested_at", "figures", "cache_key", "answered_by", "node_id", "visit"),
    *("scope", "saved_ms", "saved_tokens", "saved_cost", "node_type", "label", "signal_id", "name", "deleted"),
    *("taken", "duration_ms", "prompt_tokens", "completion_tokens", "cost", "tool_calls", "fell_back", "reason"),
    *("retry_after_seconds", "nodes", "index", "broke", "child_id", "detached", "compensated", "by", "early"),
    *("compensated_visit", "compensated_scope", "limit", "approved", "outcome", "instance_id", "fingerprint"),
}
"""Members that hold nothing that a user gave or was given: ids, names that a blueprint gave, numbers, digests."""


@pytest.fixture
async def both(databases: LentDatabases, nats_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Both]:
    """Execution at work, and access that tells."""
    async with guarded_mill(databases, nats_url, namespace, tmp_path) as at_work:
        yield at_work


async def a_life(mill: Mill) -> list[UUID]:
    """Runs of alice's that hold something private in every way; the last one waits."""
    echo = a_node("echo", "tool", name="echo", arguments={"w": "${ input.word }"}, cache={"ttl_seconds": 60})
    keep = a_node("keep", "variable", operation="set", name="v", value="${ input.word }")
    body = a_graph("inner -> say", a_node("inner", "start"), a_node("say", output="${ item }"), start="inner")
    each = a_node("each", "loop", items="${ input.list }", body=body.model_dump(mode="json"))
    wait = a_node("wait", "signal", name="go", key="${ input.word }", concurrency={"key": "input.word"})
    edges = ("start -> echo", "echo -> keep", "keep -> each", "each -> wait")
    story = await mill.know(a_graph(*edges, echo, keep, each, wait))
    first = await begun(mill, story, INPUT)
    await post(mill, story, "go", PRIVATE, {"payload": PRIVATE})
    await reaches(mill, first, "completed")
    fail = a_node("fail", "tool", name="fail", arguments={"message": "${ input.word }"})
    second = await mill.execute(await mill.know(a_graph("start -> fail", fail), cache={"ttl_seconds": 60}), INPUT)
    graph = a_graph("start -> echo", echo.model_copy(update={"config": {**echo.config, "cache": False}}))
    third = await mill.execute(await mill.know(graph, executor="langgraph"), INPUT)
    asks = await mill.know(a_graph("start -> ask", a_node("ask", "approval", title="${ input.word }")))
    last = await begun(mill, asks, INPUT)
    await reaches(mill, last, "waiting")
    return [first, second.instance_id, third.instance_id, last]


async def forgotten(mill: Mill, *instance_ids: UUID) -> None:
    """Return when they are, and the read model shows it."""
    eraser = Eraser(mill.runtime.bus, mill.runtime.pool, mill.at.records, mill.at.outside.tell)

    async def done() -> bool:
        await eraser.look(settled_seconds=0)
        told = [await mill.told(instance_id) for instance_id in instance_ids]
        return all(names[-1] == "InstanceErased" for names in told) and await caught_up(mill)

    await eventually(done)


async def rows(mill: Mill) -> list[tuple[Any, ...]]:
    """The read model, once it shows everything."""
    await eventually(lambda: caught_up(mill))
    found: list[asyncpg.Record] = await mill.runtime.pool.fetch("SELECT * FROM workflow_instances ORDER BY instance_id")
    return [tuple(row) for row in found]


async def caught_up(mill: Mill) -> bool:
    head = await mill.runtime.store.head()
    position = "SELECT position FROM checkpoints WHERE projection = 'instances'"
    return bool(await mill.runtime.pool.fetchval(position) >= head)


async def test_nothing_of_the_user_s_is_left_and_everything_of_others_is(both: Both) -> None:
    mill, access = both
    everybodys = a_reference(position=0, visibility="public")
    await mill.meet(everybodys, a_graph("start -> end", a_node("end", "end", output="${ input }")))
    lives = await a_life(mill)
    bobs = await mill.execute(everybodys, OTHER, caller=BOB)
    assert PRIVATE in await everything_kept(mill)
    assert PRIVATE in await everything_published(mill)

    await access.erase("alice")
    await forgotten(mill, *lives)

    assert PRIVATE not in await everything_kept(mill)
    assert PRIVATE not in await everything_published(mill)
    assert [(await mill.instance(one)).status for one in lives] == ["completed", "failed", "completed", "terminated"]
    failed = await mill.instance(lives[1])
    assert failed.error is not None
    assert (failed.input, failed.error.code, failed.error.message) == (None, "failed_on_purpose", "Erased.")
    assert (await mill.at.records.load(bobs.instance_id)).output == OTHER
    with pytest.raises(Conflict) as refused:
        await order(mill, RetryInstance, lives[1])
    assert refused.value.code == "erased"


async def test_a_read_model_that_is_made_anew_is_the_same_and_histories_can_still_be_told(both: Both) -> None:
    mill, access = both
    lives = await a_life(mill)
    before = [await mill.at.records.load(one) for one in lives[:3]]
    await access.erase("alice")
    await forgotten(mill, *lives)
    shown = await rows(mill)
    assert all("Erased." in row or "null" in row for row in shown)
    await mill.runtime.rebuild(Instances())
    assert await rows(mill) == shown
    for was in before:
        version = await mill.at.known.find(was.request.blueprint_id, was.request.blueprint_version)
        assert version is not None
        told = Instance.replay(was.id, await mill.facts(was.id), version.graph)
        assert (told.status, told.erased) == (was.status, True)
        assert told.recorded_figures(told.request.timestamp) == was.recorded_figures(was.request.timestamp)


async def test_a_run_whose_middle_is_archived_is_forgotten_as_well(both: Both) -> None:
    mill, access = both
    answer = await mill.execute(await mill.know(a_graph("start -> a", a_node("a", output="${ input }"))), PRIVATE)
    await eventually(lambda: caught_up(mill))
    middle = "DELETE FROM events WHERE originator_id = $1 AND topic IN ('InstanceStarted', 'NodeCompleted')"
    await mill.runtime.pool.execute(middle, answer.instance_id)
    await access.erase("alice")
    eraser = Eraser(mill.runtime.bus, mill.runtime.pool, mill.at.records, mill.at.outside.tell)

    async def gone() -> bool:
        await eraser.look(settled_seconds=0)
        return PRIVATE not in await everything_kept(mill)

    await eventually(gone)


async def test_what_broke_off_in_the_middle_is_brought_to_its_end_and_done_once(both: Both) -> None:
    mill, access = both
    answer = await mill.execute(await mill.know(a_graph("start -> a", a_node("a", output="${ input }"))), PRIVATE)
    # A worker died after it had put the content out, and before it said so.
    recorded = await mill.runtime.store.read(answer.instance_id)
    await overwrite(mill.runtime.pool, blanked(recorded, CODEC))
    await access.erase("alice")
    for _ in range(2):
        await forgotten(mill, answer.instance_id)
    assert (await mill.told(answer.instance_id)).count("InstanceErased") == 1
    assert [fact.event_id for fact in recorded] == [
        fact.event_id for fact in await mill.runtime.store.read(answer.instance_id)
    ][:-1]


@pytest.mark.parametrize("event_type", facts.INSTANCE_EVENTS, ids=lambda event_type: event_type.topic())
def test_of_every_member_of_every_fact_it_is_known_whether_it_is_forgotten(
    event_type: type[facts.InstanceEvent],
) -> None:
    content = set(event_type.model_fields) - PLACE - {"timestamp"} - HARMLESS
    assert bool(content) == (event_type in BLANKS), content


async def test_of_an_archived_run_what_is_left_in_the_ledger_is_forgotten_and_the_rest_stays_away(
    both: Both, tmp_path: Path
) -> None:
    mill, access = both
    lives = (await a_life(mill))[:3]
    dsns, archive = {"execution": mill.runtime.settings.postgres_dsn}, tmp_path / "archive"
    moved: list[int] = []

    async def all_moved() -> bool:
        found = await archiving.archive(dsns, archive, datetime.now(UTC), lambda _: None)
        moved.append(found["instances"])
        return sum(moved) == len(lives)

    await eventually(all_moved, 30)
    await access.erase("alice")
    eraser = Eraser(mill.runtime.bus, mill.runtime.pool, mill.at.records, mill.at.outside.tell)

    async def all_forgotten() -> bool:
        await eraser.look(settled_seconds=0)
        left = "SELECT NOT EXISTS (SELECT FROM workflow_instances WHERE NOT erased)"
        return bool(await mill.runtime.pool.fetchval(left))

    await eventually(all_forgotten, 30)
    assert PRIVATE not in await everything_kept(mill)
    with pytest.raises(Complaint, match="was erased with its user"):
        await archiving.restore(dsns, archive, None, lives[0])
    [entry, *_] = Archive(archive, "execution").entries()
    assert await archiving.restore(dsns, archive, entry.file, None) == 0
    assert PRIVATE not in await everything_kept(mill)

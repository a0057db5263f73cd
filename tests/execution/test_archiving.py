"""Runs that ended leave the ledger for files, all but their frame, and come back exactly as they were."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from access.app import SERVICE as ACCESS
from blueprint.app import SERVICE as BLUEPRINT
from chassis.archives import Archive
from contracts.archival import ARCHIVED, archived_topics
from contracts.execution import GetInstanceLogs, ListInstances
from contracts.instance_events import INSTANCE_EVENTS
from contracts.refusal import Missing
from contracts.steering import RetryInstance
from execution.projections import Instances
from headrace import archiving
from headrace.errors import Complaint
from metrics.projections import Executions
from tests.support.builders import ALICE, a_graph, a_node
from tests.support.eventually import eventually
from tests.support.mill import Mill

TELLS = a_graph("start -> a", "a -> b", a_node("a", "tool"))
FAILS = a_graph("start -> a", a_node("a", "tool", name="fail"))
HELD = a_graph("start -> a", a_node("a", "signal", name="call"))
EVERYTHING = "SELECT * FROM events ORDER BY notification_id"
ROWS = "SELECT * FROM workflow_instances ORDER BY instance_id"


@pytest.fixture
def age() -> datetime:
    """All that ended until now is old enough."""
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
def dsns(execution_dsn: str) -> dict[str, str]:
    return {"execution": execution_dsn}


async def rows(mill: Mill, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await mill.runtime.pool.fetch(statement)]


async def told_and_folded(mill: Mill) -> None:
    """Everybody has passed the ledger's end."""
    head = await mill.runtime.store.head()
    followers = "SELECT position FROM checkpoints WHERE source = 'execution' UNION ALL SELECT position FROM relay"
    behind = f"SELECT min(position) FROM ({followers}) AS follower"

    async def passed() -> bool:
        return (await mill.runtime.pool.fetchval(behind) or 0) >= head

    await eventually(passed, 30)


async def some_runs(mill: Mill) -> list[UUID]:
    told, fails = await mill.know(TELLS), await mill.know(FAILS)
    ids = [(await mill.execute(told, {"x": number})).instance_id for number in range(3)]
    ids.append((await mill.execute(fails)).instance_id)
    await told_and_folded(mill)
    return ids


async def test_the_frame_stays_and_everything_else_is_in_files(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime
) -> None:
    ids = await some_runs(mill)
    before, details = await rows(mill, ROWS), [await mill.instance(instance_id) for instance_id in ids]
    head, count = await mill.runtime.store.head(), len(await rows(mill, EVERYTHING))

    moved = await archiving.archive(dsns, tmp_path, age, lambda _: None)

    left = await rows(mill, EVERYTHING)
    assert moved == {"instances": 4, "events": count - len(left), "files": 1}
    assert {row[2] for row in left} == {"InstanceRequested", "InstanceStarted", "InstanceCompleted", "InstanceFailed"}
    assert await mill.runtime.store.head() == head, "a ledger keeps its last position"
    assert [await mill.instance(instance_id) for instance_id in ids] == details
    page = await mill.runtime.bus.ask_for(ListInstances(caller=ALICE))
    assert {item.id for item in page.items} == set(ids)

    await mill.runtime.rebuild_named("instances")
    assert await rows(mill, ROWS) == before
    again = await archiving.archive(dsns, tmp_path, age, lambda _: None)
    assert again == {"instances": 0, "events": 0, "files": 0}


async def test_what_needs_the_whole_history_says_how_to_get_it_back(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime
) -> None:
    *_, failed = await some_runs(mill)
    await archiving.archive(dsns, tmp_path, age, lambda _: None)

    for request in (
        GetInstanceLogs(caller=ALICE, instance_id=failed),
        RetryInstance(caller=ALICE, instance_id=failed),
    ):
        with pytest.raises(Missing, match=f"headrace archive restore --instance {failed}") as refused:
            await mill.runtime.bus.ask_for(request)
        assert refused.value.code == "history_archived"

    await archiving.restore(dsns, tmp_path, None, failed)
    await mill.runtime.bus.ask_for(RetryInstance(caller=ALICE, instance_id=failed))
    await eventually(lambda: _failed_again(mill, failed), 30)


async def _failed_again(mill: Mill, instance_id: UUID) -> bool:
    return (await mill.told(instance_id)).count("InstanceFailed") == 2


async def test_what_is_restored_is_what_it_was(mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime) -> None:
    first, *_ = await some_runs(mill)
    before = await rows(mill, EVERYTHING)
    await archiving.archive(dsns, tmp_path, age, lambda _: None)
    [entry] = Archive(tmp_path, "execution").verify()

    alone = await archiving.restore(dsns, tmp_path, None, first)
    rest = await archiving.restore(dsns, tmp_path, entry.file, None)
    nothing = await archiving.restore(dsns, tmp_path, entry.file, None)

    assert await rows(mill, EVERYTHING) == before
    assert (alone + rest, nothing) == (entry.events, 0)
    assert "NodeCompleted" in await mill.told(first)


async def test_a_run_goes_on_while_others_are_archived_and_the_followers_with_it(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime
) -> None:
    await some_runs(mill)
    held = await mill.know(HELD)
    waiting = (await mill.execute(held, wait=0)).instance_id
    await eventually(lambda: _waits(mill, waiting), 20)

    moved = await archiving.archive(dsns, tmp_path, age, lambda _: None)

    assert moved["instances"] == 4
    assert "WaitStarted" in await mill.told(waiting)
    await mill.execute(await mill.know(TELLS), {"x": 1})
    await told_and_folded(mill)


async def _waits(mill: Mill, instance_id: UUID) -> bool:
    return (await mill.instance(instance_id)).status == "waiting"


async def test_who_ended_lately_stays_and_so_does_what_somebody_has_not_heard_of(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime
) -> None:
    await some_runs(mill)
    before = await rows(mill, EVERYTHING)

    await archiving.archive(dsns, tmp_path, age - timedelta(days=1), lambda _: None)
    late = "INSERT INTO checkpoints (projection, source, position) VALUES ('slow', 'execution', 0)"
    await mill.runtime.pool.execute(late)
    await archiving.archive(dsns, tmp_path, age, lambda _: None)

    assert await rows(mill, EVERYTHING) == before


@pytest.mark.parametrize(("relative", "column"), [("parent", "instance_id"), ("child", "parent_id")])
async def test_a_family_is_archived_when_all_of_it_has_ended(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime, relative: str, column: str
) -> None:
    first, second, *_ = await some_runs(mill)
    parent, child = (second, first) if relative == "parent" else (first, second)
    await mill.runtime.pool.execute(
        "UPDATE workflow_instances SET parent_id = $1, parent_told = true WHERE instance_id = $2", parent, child
    )
    await mill.runtime.pool.execute("UPDATE workflow_instances SET completed_at = NULL WHERE instance_id = $1", second)

    moved = await archiving.archive(dsns, tmp_path, age, lambda _: None)

    assert moved["instances"] == 2
    assert "NodeCompleted" in await mill.told(first)


async def test_a_crash_between_file_and_ledger_loses_nothing(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_runs(mill)
    before = await rows(mill, EVERYTHING)

    async def dies(*_: object) -> int:
        raise BrokenPipeError

    with monkeypatch.context() as patched:
        patched.setattr("chassis.archiving.remove", dies)
        with pytest.raises(BrokenPipeError):
            await archiving.archive(dsns, tmp_path, age, lambda _: None)
    assert await rows(mill, EVERYTHING) == before

    await archiving.archive(dsns, tmp_path, age, lambda _: None)
    for entry in Archive(tmp_path, "execution").verify():
        await archiving.restore(dsns, tmp_path, entry.file, None)
    assert await rows(mill, EVERYTHING) == before


async def test_an_archive_of_another_ledger_is_refused(
    mill: Mill, dsns: dict[str, str], tmp_path: Path, age: datetime
) -> None:
    await some_runs(mill)
    await archiving.archive(dsns, tmp_path, age, lambda _: None)
    [entry] = Archive(tmp_path, "execution").entries()
    await mill.runtime.pool.execute("DELETE FROM events WHERE originator_version = 1")

    with pytest.raises(Complaint, match="the archive belongs to another one"):
        await archiving.restore(dsns, tmp_path, entry.file, None)


def test_no_read_model_reads_what_is_archived() -> None:
    assert archived_topics() <= {event_type.topic() for event_type in INSTANCE_EVENTS}
    for projection in (Instances, Executions):
        assert ARCHIVED.isdisjoint(projection.reads)
    for service in (ACCESS, BLUEPRINT):
        assert "execution" not in dict(service.hears)

"""Many callers, one transaction: what is gathered, who loses, and that a tailing reader misses nothing."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from statistics import median

import asyncpg
import pytest

from chassis.event_store import PostgresEventStore
from chassis.group_commit import MAX_BYTES, MAX_CALLS, Pending, agree, next_batch
from chassis.ids import new_id
from chassis.ledger import Append, EventStore, VersionConflict
from chassis.ledger_statements import RECORD
from chassis.postgres import lock_key, open_pool
from tests.chassis.conftest import SCHEMA
from tests.support.eventually import eventually
from tests.support.ledgers import append, event

WRITERS = 4
TASKS = 16
APPENDS_EACH = 150
EVENTS_EACH = 3


def pending(*appends: Append) -> Pending:
    return Pending(appends, asyncio.get_running_loop().create_future())


async def test_a_batch_holds_128_calls_and_the_rest_waits() -> None:
    queue = deque(pending(append(new_id(), 1)) for _ in range(MAX_CALLS + 6))

    assert [len(next_batch(queue)) for _ in range(3)] == [128, 6, 0]


async def test_a_batch_holds_four_megabytes_unless_one_call_is_larger() -> None:
    quarter, huge = b"x" * (MAX_BYTES // 4), b"x" * (MAX_BYTES + 1)
    queue = deque(pending(Append(new_id(), (event(1, state=state),))) for state in [quarter] * 5 + [huge, b"{}"])

    assert [len(next_batch(queue)) for _ in range(4)] == [4, 1, 1, 1]


async def test_who_went_away_while_waiting_is_left_out() -> None:
    gone, present = pending(append(new_id(), 1)), pending(append(new_id(), 1))
    gone.future.cancel()

    assert next_batch(deque([gone, present])) == [present]


def test_calls_agree_when_they_follow_on_one_another() -> None:
    stream = new_id()

    assert agree([(append(stream, 4, 5),), (append(stream, 6),)])
    assert not agree([(append(stream, 4, 5),), (append(stream, 5),)])
    assert not agree([(append(stream, 1),), (append(stream, 3),)])


async def test_64_writers_who_fight_for_few_streams_lose_no_update(store: EventStore) -> None:
    streams = [new_id() for _ in range(5)]
    conflicts = 0

    async def write(number: int) -> None:
        nonlocal conflicts
        for turn in range(5):
            stream = streams[(number + turn) % len(streams)]
            while True:
                version = len(await store.read(stream))
                try:
                    await store.append(append(stream, version + 1), append(new_id(), 1))
                    break
                except VersionConflict:
                    conflicts += 1

    await asyncio.gather(*(write(number) for number in range(64)))

    assert sum([len(await store.read(stream)) for stream in streams]) == 320
    assert len(await store.read_after(0, 10_000)) == 2 * 320, "what lost left nothing behind"
    assert conflicts > 0 or type(store) is not PostgresEventStore


async def test_a_cancelled_caller_disturbs_no_other(store: EventStore) -> None:
    streams = [new_id() for _ in range(200)]
    calls = [asyncio.create_task(store.append(append(stream, 1))) for stream in streams]
    await asyncio.sleep(0)
    for call in calls[::7]:
        call.cancel()

    answers = await asyncio.gather(*calls, return_exceptions=True)

    survivors = [(stream, answer) for stream, answer in zip(streams, answers, strict=True) if isinstance(answer, int)]
    assert len(survivors) >= 200 - len(calls[::7])
    assert [(await store.read(stream))[0].position for stream, _ in survivors] == [answer for _, answer in survivors]


async def test_an_error_reaches_every_caller_of_the_batch_and_the_next_batch_is_well(
    postgres_store: PostgresEventStore,
) -> None:
    impossible = Append(new_id(), (event(1, topic="\x00"),))

    answers = await asyncio.gather(
        postgres_store.append(impossible), postgres_store.append(append(new_id(), 1)), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [asyncpg.CharacterNotInRepertoireError] * 2
    assert await postgres_store.append(append(new_id(), 1))


@pytest.fixture
async def rivals(pool: asyncpg.Pool) -> AsyncIterator[list[PostgresEventStore]]:
    """Stores that write to one ledger at the same time, each on a connection of its own, as processes do."""
    stores = [PostgresEventStore(pool, lock_key=lock_key(SCHEMA)) for _ in range(WRITERS)]
    yield stores
    for store in stores:
        await store.close()


async def test_a_tailing_reader_misses_nothing_while_several_processes_write(rivals: list[PostgresEventStore]) -> None:
    expected = WRITERS * TASKS * APPENDS_EACH * EVENTS_EACH
    tail: list[int] = []
    writing = True

    async def follow() -> None:
        while True:
            still_writing = writing
            events = await rivals[0].read_after(tail[-1] if tail else 0, 500)
            tail.extend(found.position for found in events)
            if not events and not still_writing:
                return

    async def write(store: PostgresEventStore) -> None:
        for _ in range(APPENDS_EACH):
            await store.append(append(new_id(), *range(1, EVENTS_EACH + 1)))

    reader = asyncio.create_task(follow())
    await asyncio.gather(*(write(store) for store in rivals for _ in range(TASKS)))
    writing = False
    await reader

    assert len(tail) == expected
    assert tail == sorted(set(tail))


async def test_a_position_is_drawn_only_by_who_holds_the_lock(pool: asyncpg.Pool) -> None:
    arguments = ([new_id()], [1], ["T"], [b"{}"], [new_id()], [None], [new_id()], [1])

    [[plan]] = await pool.fetch(f"EXPLAIN (VERBOSE, FORMAT JSON) {RECORD}", 1, *arguments)

    path = path_to_lock(json.loads(plan)[0]["Plan"])
    drawing = [any("nextval(" in column for column in node.get("Output", ())) for node in path]
    joins = [node["Node Type"] == "Nested Loop" for node in path]
    assert path[-1]["Node Type"] == "CTE Scan"
    assert drawing.count(True) == 1
    assert drawing.index(True) < joins.index(True), "a row gets its position after it was joined with the lock"


def path_to_lock(node: dict) -> list[dict]:
    """The nodes of a plan from the top down to the scan of the lock."""
    if node.get("CTE Name") == "lock":
        return [node]
    for child in node.get("Plans", ()):
        if path := path_to_lock(child):
            return [node, *path]
    return []


async def test_what_every_commit_runs_is_planned_once(ledger_dsn: str) -> None:
    async with await open_pool(ledger_dsn, SCHEMA, min_size=1, max_size=1) as single:
        store = PostgresEventStore(single, lock_key=lock_key(SCHEMA))
        for _ in range(10):
            await store.append(append(new_id(), 1))
        await store.close()

        plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
        assert [tuple(row) for row in await single.fetch(plans, RECORD)] == [(10, 0)]


async def test_nobody_waits_for_a_timer(postgres_store: PostgresEventStore) -> None:
    """Twenty appends, one after the other, take twenty round trips and no more."""
    await postgres_store.append(append(new_id(), 1))
    loop = asyncio.get_running_loop()

    took = []
    for _ in range(20):
        started = loop.time()
        await postgres_store.append(append(new_id(), 1))
        took.append(loop.time() - started)

    assert median(took) < 0.05


async def test_what_was_handed_over_before_closing_is_recorded(pool: asyncpg.Pool) -> None:
    store = PostgresEventStore(pool, lock_key=lock_key(SCHEMA))
    calls = [asyncio.create_task(store.append(append(new_id(), 1))) for _ in range(300)]
    await asyncio.sleep(0)

    await store.close()

    assert len(await asyncio.gather(*calls)) == 300
    await eventually(lambda: pool.get_idle_size() == pool.get_size())

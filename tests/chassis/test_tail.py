"""What this process recorded a moment ago is read from memory, and never anything else in its place."""

import asyncpg
import pytest

from chassis import tail as tails
from chassis.event_store import PostgresEventStore
from chassis.group_commit import Call
from chassis.ids import new_id
from chassis.ledger import Append, NewEvent, VersionConflict
from chassis.postgres import lock_key
from chassis.tail import Tail
from tests.chassis.conftest import SCHEMA
from tests.support.ledgers import append


def calls(*counts: int, state: bytes = b"{}") -> list[Call]:
    """As many calls, each with so many events in a stream of its own."""
    return [
        (Append(new_id(), tuple(NewEvent(new_id(), version, "Told", state) for version in range(1, count + 1))),)
        for count in counts
    ]


def positions(tail: Tail, after: int, limit: int = 100) -> list[int] | None:
    """Where the facts that it gives stand; None when it gives none."""
    found = tail.after(after, limit)
    return None if found is None else [recorded.position for recorded in found]


class TestARun:
    def test_is_given_from_anywhere_inside_it(self) -> None:
        tail = Tail()
        tail.add(calls(2, 1), [5, 6, 7])
        tail.add(calls(1), [8])

        assert [positions(tail, after) for after in (4, 5, 7)] == [[5, 6, 7, 8], [6, 7, 8], [8]]
        assert positions(tail, 4, limit=2) == [5, 6]

    def test_knows_nothing_of_what_is_before_or_behind_it(self) -> None:
        tail = Tail()
        tail.add(calls(2), [5, 6])

        assert [positions(tail, after) for after in (0, 3, 6, 7)] == [None] * 4

    def test_begins_anew_behind_what_somebody_else_recorded(self) -> None:
        tail = Tail()
        tail.add(calls(1), [5])
        tail.add(calls(1), [7])

        assert [positions(tail, after) for after in (4, 5, 6)] == [None, None, [7]]

    def test_with_a_hole_in_it_is_not_kept(self) -> None:
        tail = Tail()
        tail.add(calls(1), [4])
        tail.add(calls(2), [5, 7])

        assert [positions(tail, after) for after in (3, 4, 5, 6)] == [None] * 4

    @pytest.mark.parametrize(("limit", "most"), [("FACTS_MAX", 8), ("BYTES_MAX", 80)])
    def test_lets_go_of_the_oldest_when_it_is_long(
        self, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
    ) -> None:
        monkeypatch.setattr(tails, limit, most)
        tail = Tail()
        for position in range(1, 101):
            tail.add(calls(1, state=b"ten bytes."), [position])

        kept = positions(tail, 99)
        assert kept == [100]
        assert positions(tail, 90) is None
        assert positions(tail, 96) == [97, 98, 99, 100]


class TestTheLedger:
    async def test_is_not_asked_for_what_was_just_recorded(
        self, postgres_store: PostgresEventStore, pool: asyncpg.Pool
    ) -> None:
        await postgres_store.append(append(new_id(), 1, 2))
        told = await postgres_store.read_after(0, 10)
        await pool.execute("TRUNCATE events")

        assert await postgres_store.read_next(0, 10) == told
        assert len(told) == 2

    async def test_is_asked_behind_it_where_another_process_may_have_recorded_more(
        self, postgres_store: PostgresEventStore, pool: asyncpg.Pool
    ) -> None:
        other = PostgresEventStore(pool, lock_key=lock_key(SCHEMA))
        mine = await postgres_store.append(append(new_id(), 1))
        theirs = await other.append(append(new_id(), 1))
        await other.close()

        assert [found.position for found in await postgres_store.read_next(0, 10)] == [mine]
        assert [found.position for found in await postgres_store.read_next(mine, 10)] == [theirs]

    async def test_is_asked_after_a_conflict(self, postgres_store: PostgresEventStore) -> None:
        stream = new_id()
        await postgres_store.append(append(stream, 1))
        with pytest.raises(VersionConflict):
            await postgres_store.append(append(stream, 1))
        last = await postgres_store.append(append(stream, 2))

        assert [found.version for found in await postgres_store.read_next(0, 10)] == [1, 2]
        assert [found.position for found in await postgres_store.read_next(last - 1, 10)] == [last]

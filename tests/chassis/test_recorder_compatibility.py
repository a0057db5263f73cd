"""The ledger's table is eventsourcing's: its own Postgres recorder reads it, and what it writes we read."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from chassis.event_store import PostgresEventStore
from chassis.ids import new_id
from chassis.ledger import Append
from chassis.migrations import migrate_up
from tests.chassis.conftest import SCHEMA
from tests.support.ledgers import append, event


@pytest.fixture
async def recorder(ledger_dsn: str) -> AsyncIterator[PostgresApplicationRecorder]:
    """Eventsourcing's recorder on our table. It makes no table: ours is there."""
    address = conninfo_to_dict(ledger_dsn)
    datastore = PostgresDatastore(
        dbname=str(address["dbname"]),
        host=str(address["host"]),
        port=str(address.get("port", 5432)),
        user=str(address["user"]),
        password=str(address.get("password", "")),
        schema=SCHEMA,
    )
    yield PostgresApplicationRecorder(datastore, events_table_name="events")
    datastore.close()


def stored(stream: UUID, version: int, topic: str, state: bytes) -> StoredEvent:
    return StoredEvent(stream, version, topic, state)


async def test_the_recorder_reads_streams_and_notifications(
    recorder: PostgresApplicationRecorder, postgres_store: PostgresEventStore
) -> None:
    stream, other = new_id(), new_id()
    await postgres_store.append(Append(stream, (event(1, "Opened", b'{"a":1}', b'{"m":1}'), event(2, "Closed"))))
    head = await postgres_store.append(append(other, 1))

    events = await asyncio.to_thread(recorder.select_events, stream)
    tail = await asyncio.to_thread(recorder.select_events, stream, gt=1)
    notifications = await asyncio.to_thread(recorder.select_notifications, start=1, limit=10)

    assert list(events) == [stored(stream, 1, "Opened", b'{"a":1}'), stored(stream, 2, "Closed", b"{}")]
    assert list(tail) == [stored(stream, 2, "Closed", b"{}")]
    assert [(found.originator_id, found.originator_version) for found in notifications] == [
        (stream, 1),
        (stream, 2),
        (other, 1),
    ]
    assert recorder.max_notification_id() == notifications[-1].id == head


async def test_what_the_recorder_writes_is_read_and_continued(
    recorder: PostgresApplicationRecorder, postgres_store: PostgresEventStore
) -> None:
    stream = new_id()
    await asyncio.to_thread(recorder.create_table)  # to write, it needs a type and a function of its own
    await asyncio.to_thread(recorder.insert_events, [stored(stream, 1, "Opened", b"{}")])

    [first] = await postgres_store.read(stream)
    [again] = await postgres_store.read(stream)
    await postgres_store.append(append(stream, 2))

    assert (first.topic, first.metadata) == ("Opened", None)
    assert first.event_id == again.event_id, "it is derived, hence always the same"
    assert [found.version for found in await postgres_store.read(stream)] == [1, 2]


async def test_the_recorder_finds_nothing_to_create(recorder: PostgresApplicationRecorder, pool: asyncpg.Pool) -> None:
    await asyncio.to_thread(recorder.create_table)

    async with pool.acquire() as connection:
        assert await migrate_up(connection, ["chassis.ledger_migrations"], SCHEMA) == []
        indexes = await connection.fetch("SELECT indexname FROM pg_indexes WHERE tablename = 'events'")
    assert {row[0] for row in indexes} == {"events_pkey", "events_notification_id_idx"}

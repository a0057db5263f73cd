"""One leads, and lets go whatever ends it: an error, a stop, or the loss of its connection."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis import leadership
from chassis.leadership import Leadership
from chassis.postgres import is_lost, open_pool
from tests.chassis.conftest import SCHEMA
from tests.support.eventually import eventually

TAKEOVER_SECONDS = 5.0


class Stumbled(Exception):
    """What ends a leadership here."""


@pytest.fixture(params=[True, False], ids=["sessions kept", "sessions reset"])
async def leading(request: pytest.FixtureRequest, ledger_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """The pool of the process that leads first."""
    async with await open_pool(ledger_dsn, SCHEMA, min_size=1, max_size=3, keeps_sessions=request.param) as pool:
        yield pool


async def led_by(pool: asyncpg.Pool) -> None:
    """Lead once, for a moment."""
    async with asyncio.timeout(TAKEOVER_SECONDS), Leadership(pool, "thing").held():
        pass


async def test_while_one_leads_nobody_else_does(leading: asyncpg.Pool, pool: asyncpg.Pool) -> None:
    async with Leadership(leading, "thing").held():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), Leadership(pool, "thing").held():
                pass
        async with asyncio.timeout(TAKEOVER_SECONDS), Leadership(pool, "another thing").held():
            pass


async def test_whoever_stumbles_lets_another_lead_and_may_lead_again(leading: asyncpg.Pool, pool: asyncpg.Pool) -> None:
    with pytest.raises(Stumbled):
        async with Leadership(leading, "thing").held():
            raise Stumbled
    await led_by(pool)
    await led_by(leading)


async def test_whoever_is_told_to_stop_lets_go(leading: asyncpg.Pool, pool: asyncpg.Pool) -> None:
    began = asyncio.Event()

    async def lead() -> None:
        async with Leadership(leading, "thing").held() as lead:
            began.set()
            await lead.connection.fetchval("SELECT pg_sleep(20)")

    task = asyncio.create_task(lead())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await led_by(pool)


async def test_a_lost_connection_ends_it_and_hides_nothing(leading: asyncpg.Pool, pool: asyncpg.Pool) -> None:
    async def lead() -> None:
        async with Leadership(leading, "thing").held() as lead:
            await lead.confirm()
            pid = await lead.connection.fetchval("SELECT pg_backend_pid()")
            await pool.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            await eventually(lambda: is_lost(lead.connection))
            await led_by(pool)
            raise Stumbled

    with pytest.raises(Stumbled):
        await lead()
    await led_by(leading)


async def test_whoever_stands_still_is_followed_and_learns_of_it(leading: asyncpg.Pool, pool: asyncpg.Pool) -> None:
    async with Leadership(leading, "thing", silent_seconds=0.3).held() as lead:
        await led_by(pool)
        with pytest.raises(ConnectionError):
            await lead.confirm()


async def test_whoever_stands_still_in_a_transaction_is_followed_too(leading: asyncpg.Pool, pool: asyncpg.Pool) -> None:
    async with Leadership(leading, "thing", silent_seconds=0.3).held() as lead:
        await lead.connection.execute("BEGIN")
        await led_by(pool)
        with pytest.raises(ConnectionError):
            await lead.confirm()


async def test_whoever_confirms_goes_on_leading(
    leading: asyncpg.Pool, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "CONFIRMED_SECONDS", 0.05)
    async with Leadership(leading, "thing", silent_seconds=0.5).held() as lead:
        for _ in range(20):
            await asyncio.sleep(0.1)
            await lead.confirm()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), Leadership(pool, "thing").held():
                pass


async def test_the_patience_of_a_place_is_not_that_of_the_next(leading: asyncpg.Pool) -> None:
    async with Leadership(leading, "thing", silent_seconds=0.3).held():
        pass
    async with leading.acquire() as connection:
        assert await connection.fetchval("SHOW idle_session_timeout") == "0"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"

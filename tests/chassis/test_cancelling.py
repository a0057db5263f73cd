"""A task that is to end ends, even when its first cancellation gets lost."""

import asyncio

import pytest

from chassis.cancelling import cancel


async def test_a_lost_cancellation_is_repeated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chassis.cancelling.AGAIN_SECONDS", 0.01)

    async def deaf() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)

    await asyncio.wait_for(cancel(task), 5)

    assert task.cancelled()


async def test_tasks_that_have_ended_or_failed_are_no_trouble():
    async def failing() -> None:
        raise ValueError

    tasks = [asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(failing())]
    await asyncio.wait(tasks)

    await cancel(*tasks)
    await cancel()

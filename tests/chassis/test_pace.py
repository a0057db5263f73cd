"""How long one waits from one batch to the next."""

import asyncio

from chassis.pace import Pace

FIRST, LAST = 0.1, 0.25


async def waited(pace: Pace) -> float:
    """Seconds that the pace was kept for."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await pace.keep()
    return loop.time() - began


async def test_pauses_grow_up_to_the_last_one() -> None:
    pace = Pace(FIRST, LAST)

    at_once, *pauses = [await waited(pace) for _ in range(4)]

    assert at_once < FIRST / 2
    assert [pause > least * 0.9 for pause, least in zip(pauses, (FIRST, 2 * FIRST, LAST), strict=True)] == [True] * 3


async def test_the_first_after_a_rest_goes_at_once() -> None:
    pace = Pace(FIRST, LAST)
    for _ in range(3):
        await pace.keep()
    await asyncio.sleep(2 * LAST)

    assert await waited(pace) < FIRST / 2


async def test_a_pause_ends_for_who_is_in_a_hurry() -> None:
    pace, hurry = Pace(10.0, 10.0), asyncio.Event()
    await pace.keep(hurry)
    waiting = asyncio.create_task(pace.keep(hurry))
    await asyncio.sleep(0.05)
    assert not waiting.done()

    hurry.set()

    await asyncio.wait_for(waiting, 1.0)


async def test_behind_a_large_batch_nobody_waits() -> None:
    pace = Pace(10.0, 10.0)
    await pace.keep()

    pace.skip()

    assert await waited(pace) < 1.0

"""NATS dies, or loses all it stored, while runs are under way: every accepted run ends, every figure stays exact."""

import asyncio
import shutil
import signal

import nats
import pytest

from chassis.bus import inbox_prefix
from tests.resilience.conftest import House
from tests.support.api import ENDED, Api
from tests.support.blueprints import chain, nap, step
from tests.support.databases import at_rest, fetch
from tests.support.eventually import eventually

RUNS = 30
LONGEST_SECONDS = 40.0
OPEN_AGAIN_SECONDS = 15.0
"""While the server itself is away there are 503s."""
ENDS = """
SELECT count(*) FROM events
WHERE originator_id = $1 AND topic IN ('InstanceCompleted', 'InstanceFailed', 'InstanceCancelled')
"""
BODY = chain(step("tell"), nap("nap", "${ input }"), step("wait", "delay", seconds=0.5), step("again"))


async def accepted(api: Api, key: str) -> list[str]:
    """Runs of all kinds of length, some work and some wait; asked for until they are accepted, as a client does."""
    blueprint = await api.create(BODY)

    async def begin(number: int) -> str:
        return await eventually(lambda: api.begin(blueprint, number / RUNS, key=f"{key} {number}"), OPEN_AGAIN_SECONDS)

    return await asyncio.gather(*map(begin, range(RUNS)))


async def all_end(house: House, api: Api, instance_ids: list[str]) -> None:
    """Every run ends once, and is counted once."""
    for instance_id in instance_ids:
        ended = await api.reaches(instance_id, *ENDED, timeout=LONGEST_SECONDS)
        assert ended["status"] == "completed", ended["error"]
        assert await fetch(house.up, "execution", ENDS, instance_id) == [(1,)]
    await at_rest(house.up)
    usage = await api.get("/analytics/usage")
    assert usage["executions"]["completed"] == len(instance_ids)


async def forget_while_stopped(house: House) -> None:
    """The server is killed, and what it stored is gone when it comes back."""
    house.signal("nats", signal.SIGSTOP)
    for folder in (house.data_dir / "nats").iterdir():
        shutil.rmtree(folder)
    await house.kill("nats")


async def die(house: House) -> None:
    """The server is killed, twice."""
    await house.kill("nats")
    await house.kill("nats")


async def delete_streams(house: House) -> None:
    """Somebody deletes every stream of the running server."""
    url = house.up.state["nats_url"]
    connection = await nats.connect(url, inbox_prefix=inbox_prefix(url))
    stream = connection.jetstream()
    for info in await stream.streams_info():
        await stream.delete_stream(info.config.name)
    await connection.close()


@pytest.mark.parametrize("disaster", [die, forget_while_stopped, delete_streams])
async def test_every_accepted_run_ends_and_new_ones_are_taken(house: House, ada: Api, disaster: object) -> None:
    first = await accepted(ada, "before")

    await disaster(house)

    second = await accepted(ada, "after")
    await all_end(house, ada, [*first, *second])


async def test_streams_that_are_deleted_under_their_readers_keep_no_new_blueprint_from_running(
    house: House, ada: Api
) -> None:
    assert (await ada.execute(await ada.create(chain(step("tell")))))["status"] == "completed"

    for _ in range(5):
        await delete_streams(house)
        for _ in range(2):
            assert (await ada.execute(await ada.create(chain(step("tell")))))["status"] == "completed"


async def test_a_stream_that_is_watched_goes_on_to_its_end(house: House, ada: Api) -> None:
    blueprint = await ada.create(BODY)

    async with ada.follow(blueprint, 1.0) as lines:
        seen = [await anext(lines)]
        await house.kill("nats")
        seen += [line async for line in lines]

    assert [line["seq"] for line in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["event"] == "InstanceCompleted"

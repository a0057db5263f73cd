"""The whole stack stops and starts again: nothing that was accepted is lost, not even when NATS has forgotten all."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.resilience.conftest import House
from tests.support.api import Api, user_of
from tests.support.blueprints import chain, nap, step
from tests.support.databases import at_rest
from tests.support.eventually import eventually

STOP_SECONDS = 15.0
CALLERS = 40
DELAY_SECONDS = 4.0
"""Longer than a stop, so that it ends while nothing runs or just after."""


@asynccontextmanager
async def restarted(house: House, user: str, *, forget_the_bus: bool = False) -> AsyncIterator[Api]:
    """The same person at the door of the same house, which has been stopped and started in between."""
    assert house.stop() < STOP_SECONDS
    if forget_the_bus:
        shutil.rmtree(house.data_dir / "nats")
    house.start()
    async with user_of(house.up, user) as api:
        yield api


async def figures(api: Api, blueprint: dict, total: int) -> dict:
    """The analytics of a blueprint once they count so many runs, without what moves with the clock."""

    async def counted() -> dict:
        found = await api.get(f"/blueprints/{blueprint['id']}/analytics", **{"from": "2020-01-01T00:00:00Z"})
        assert found["executions"]["total"] == total
        return found

    found = await eventually(counted)
    return {name: value for name, value in found.items() if name not in {"as_of", "from", "to"}}


async def everything(api: Api, but: str) -> dict:
    """All that a person can read of what is theirs, but for one run that goes on."""
    blueprints = await api.pages("/blueprints")
    instances = [found for found in await api.pages("/instances") if found["id"] != but]
    return {
        "blueprints": [await api.get(f"/blueprints/{found['id']}") for found in blueprints],
        "instances": instances,
        "logs": [await api.logs(found["id"]) for found in instances],
    }


async def test_a_restart_keeps_everything_and_a_delay_goes_on(house: House, ada: Api) -> None:
    blueprint = await ada.create(chain(step("tell"), step("maybe", name="fail", arguments="${ input }")))
    for times in (0, 1, 0):
        await ada.execute(blueprint, {"times": times, "error_type": "permanent"})
    await ada.ask("PUT", f"/blueprints/{blueprint['id']}", json=chain(step("tell"), name="second"))
    counted = await figures(ada, blueprint, 3)
    waits = await ada.create(chain(step("wait", "delay", seconds=DELAY_SECONDS), step("tell")))
    waiting = await ada.begin(waits)
    await ada.reaches(waiting, "waiting")
    before = await everything(ada, but=waiting)

    async with restarted(house, ada.user) as again:
        assert await everything(again, but=waiting) == before
        assert await figures(again, blueprint, 3) == counted
        assert (await again.ends(waiting))["status"] == "completed"
        assert (await again.execute(blueprint))["status"] == "completed"
        assert (await again.execute(blueprint, {"times": 0}, version=1))["status"] == "completed"
        assert (await figures(again, blueprint, 5))["executions"]["completed"] == 4


async def test_a_bus_that_has_forgotten_everything_is_taught_it_again(house: House, ada: Api) -> None:
    blueprint = await ada.create(chain(step("tell")))
    for _ in range(3):
        await ada.execute(blueprint)
    counted = await figures(ada, blueprint, 3)
    late = await ada.create(chain(step("wait", "delay", seconds=DELAY_SECONDS), step("tell")))
    waiting = [await ada.begin(late) for _ in range(3)]
    for instance_id in waiting:
        await ada.reaches(instance_id, "waiting")

    async with restarted(house, ada.user, forget_the_bus=True) as again:
        assert await figures(again, blueprint, 3) == counted
        assert (await again.execute(blueprint))["status"] == "completed"
        changed = await again.ask("PUT", f"/blueprints/{blueprint['id']}", json=chain(step("tell"), name="after"))
        assert changed["version"] == 2
        lines = await again.stream(blueprint)
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        for instance_id in waiting:
            assert (await again.ends(instance_id))["status"] == "completed"
        assert (await figures(again, blueprint, 5))["executions"]["completed"] == 5
        assert (await figures(again, late, 3))["executions"]["completed"] == 3


async def test_a_stop_under_load_is_quick_and_loses_nothing(house: House, ada: Api) -> None:
    blueprint = await ada.create(
        chain(step("tell"), nap("nap", 0.2), step("wait", "delay", seconds=0.3), step("again"))
    )
    answered: list[str] = []
    refused: list[int] = []

    async def call_until_it_closes() -> None:
        path = f"/api/v2/blueprints/{blueprint['id']}/execute?mode=async"
        while True:
            try:
                answer = await ada.http.post(path, json={})
            except httpx.TransportError:
                return
            if answer.status_code == 202:
                answered.append(answer.json()["instance_id"])
            else:
                refused.append(answer.status_code)
                return

    callers = [asyncio.create_task(call_until_it_closes()) for _ in range(CALLERS)]
    await eventually(lambda: len(answered) > 2 * CALLERS)
    took = await asyncio.to_thread(house.stop)
    await asyncio.gather(*callers)
    house.start()

    assert took < STOP_SECONDS
    assert set(refused) <= {503}
    async with user_of(house.up, ada.user) as again:
        await at_rest(house.up)
        ended = {found["id"]: found for found in await again.pages("/instances")}
        assert set(answered) <= ended.keys()
        assert {found["status"] for found in ended.values()} == {"completed"}
        completions = [await again.told(instance_id) for instance_id in answered[:20]]
        assert all(told.count("InstanceCompleted") == 1 for told in completions)
        usage = await again.get("/analytics/usage")
        assert usage["executions"]["completed"] == len(ended)

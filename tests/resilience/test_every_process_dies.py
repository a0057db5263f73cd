"""Each process of the house is killed in turn: the house is whole again within seconds, and no run is lost."""

import psutil
import pytest

from tests.resilience.conftest import House
from tests.support.api import Api, user_of
from tests.support.blueprints import chain, nap, step
from tests.support.eventually import eventually

PROCESSES = ("blueprint", "execution", "metrics", "access", "gateway", "nats", "postgres")
RUN_SECONDS = 20.0


def test_the_services_and_their_servers_are_processes_of_their_own(house: House) -> None:
    pids = house.up.state["processes"]

    assert set(pids) == set(PROCESSES)
    assert len(set(pids.values())) == len(PROCESSES)
    for service in ("blueprint", "execution", "metrics", "access", "gateway"):
        assert service in " ".join(psutil.Process(pids[service]).cmdline())


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("breaks", "Tool 'breaks' raised LookupError: the wheel is not there"),
        ("leaves", "Tool 'leaves' raised SystemExit: the miller went home"),
        ("leaves_at_once", "Tool 'leaves_at_once' raised KeyboardInterrupt: the miller was called away"),
    ],
)
async def test_whatever_a_node_raises_fails_the_node_and_not_its_worker(
    house: House, ada: Api, tool: str, message: str
) -> None:
    worker = house.up.pid_of("execution")

    run = await ada.execute(await ada.create(chain(step("tool", name=tool))))

    assert run["status"] == "failed"
    assert (run["error"]["node_id"], run["error"]["code"], run["error"]["message"]) == ("tool", "tool_raised", message)
    assert house.up.pid_of("execution") == worker
    assert house.up.state["restarts"]["execution"] == 0


@pytest.mark.parametrize("name", PROCESSES)
async def test_a_killed_process_is_replaced_and_no_run_is_lost(house: House, name: str) -> None:
    async with user_of(house.up) as before:
        blueprint = await before.create(chain(nap("nap", 0.7), step("wait", "delay", seconds=0.5), step("tell")))
        running = await before.begin(blueprint)
        waiting = await before.begin(await before.create(chain(step("wait", "delay", seconds=1.0), step("tell"))))
        await before.reaches(waiting, "waiting")

    await house.kill(name)

    async with user_of(house.up, before.user) as after:
        run = await after.execute(blueprint)
        assert run["status"] == "completed"
        for instance_id in (running, waiting):
            assert (await after.ends(instance_id, RUN_SECONDS))["status"] == "completed"
            assert (await after.told(instance_id)).count("InstanceCompleted") == 1

        async def counted() -> bool:
            usage = await after.get("/analytics/usage")
            return usage["executions"] == {"total": 3, "completed": 3, "failed": 0, "cancelled": 0}

        await eventually(counted, RUN_SECONDS)
        changed = await after.ask("PUT", f"/blueprints/{blueprint['id']}", json=chain(step("tell"), name="changed"))
        assert changed["version"] == 2
        assert (await after.execute(blueprint))["status"] == "completed"

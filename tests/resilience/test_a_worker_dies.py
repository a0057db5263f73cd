"""A worker is killed at the worst moments: in the middle of a run, and between a commit and the answer to it."""

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

import nats
import psutil
import pytest

from tests.resilience.conftest import House
from tests.support.api import Api
from tests.support.blueprints import chain, fan, line, nap, step
from tests.support.eventually import eventually, in_time
from tests.support.gate import gate

STEPS = 50
KILL_AT = 25
AT_ONCE = 2
"""Few enough that the run is not over when it is killed; a nap before its last line makes sure of that."""
ANSWER_SECONDS = 3.0
"""A caller whose worker died after the commit has the answer this long after the kill."""


@pytest.fixture(scope="module", params=[1, 2], ids=["one-worker", "two-workers"])
def workers(request: pytest.FixtureRequest) -> int:
    return request.param


def lines_to(path: Path) -> list[dict]:
    """Steps that write a line each, and the line says whose it is."""
    return [line(f"step{number:02}", path, "${ instance.id } step" + f"{number:02}") for number in range(STEPS)]


@pytest.mark.parametrize(("shape", "executor"), [(chain, "parallel"), (fan, "parallel"), (chain, "langgraph")])
async def test_in_the_middle_of_a_run_nothing_is_lost_and_nothing_done_twice(
    house: House, ada: Api, tmp_path: Path, shape: object, executor: str
) -> None:
    path, where = tmp_path / "lines", tmp_path / "worker"
    lines = lines_to(path)
    body = shape(step("who", name="who", arguments={"path": str(where)}), *lines[:-1], nap("nap", 0.5), lines[-1])
    body["config"] = {"executor": executor, "max_parallel": AT_ONCE}
    blueprint = await ada.create(body)
    connection = await nats.connect(house.up.state["nats_url"])
    heard = await connection.subscribe("headrace.execution.NodeCompleted.*")

    instance_id = await ada.begin(blueprint)
    await eventually(where.exists)
    worker = int(where.read_text())
    for _ in range(KILL_AT):
        await heard.next_msg(timeout=20)
    psutil.Process(worker).kill()
    ended = await ada.ends(instance_id, timeout=30)
    await connection.close()

    assert ended["status"] == "completed", ended["error"]
    logs = await ada.logs(instance_id)
    assert "InstanceClaimed" in {entry["event"] for entry in logs}, "it was over before the kill"
    completions = Counter(entry["node_id"] for entry in logs if entry["event"] == "NodeCompleted")
    assert completions == Counter({node["id"] for node in body["nodes"]})
    keys = [text.split()[1] for text in path.with_name("lines.keys").read_text().splitlines()]
    steps = [f"step{number:02}" for number in range(STEPS)]
    assert sorted(set(keys)) == [f"{instance_id}//{name}/1/1" for name in steps]
    assert sorted(path.read_text().splitlines()) == [f"{instance_id} {name}" for name in steps]


async def seconds_to_the_answer(house: House, ada: Api, tmp_path: Path) -> float:
    """Kill the worker right behind the commit that ends a run; how long its caller waited from then on."""
    where = tmp_path / "worker"
    blueprint = await ada.create(chain(step("who", name="who", arguments={"path": str(where)})))
    await house.has_settled()
    async with gate(house.dsn, "execution", "InstanceCompleted") as closed:
        asked = asyncio.create_task(ada.execute(blueprint))
        await closed.somebody_waits()
        worker = int(where.read_text())
        os.kill(worker, signal.SIGSTOP)
        await closed.let_pass()
        os.kill(worker, signal.SIGKILL)
    killed_at = time.monotonic()

    run = await asked
    took = time.monotonic() - killed_at

    assert run["status"] == "completed"
    assert (await ada.told(run["instance_id"])).count("InstanceCompleted") == 1
    return took


async def test_between_the_last_commit_and_the_answer_the_caller_has_it_all_the_same(
    house: House, ada: Api, tmp_path: Path
) -> None:
    await in_time(ANSWER_SECONDS, lambda: seconds_to_the_answer(house, ada, tmp_path))


async def test_between_the_acceptance_and_its_answer_the_caller_has_one_run_all_the_same(
    house: House, ada: Api
) -> None:
    blueprint = await ada.create(chain(step("tell")))
    workers = house.workers_pids().values()
    async with gate(house.dsn, "execution", "InstanceRequested") as closed:
        asked = asyncio.create_task(ada.begin(blueprint))
        await closed.somebody_waits()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        await closed.let_pass()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    instance_id = await asked

    assert (await ada.ends(instance_id))["status"] == "completed"
    assert [run["id"] for run in await ada.pages("/instances")] == [instance_id]

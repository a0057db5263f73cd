"""A worker is killed at the worst moments: in the middle of a run, and between a commit and the answer to it."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import nats
import psutil
import pytest

from tests.resilience.conftest import House
from tests.support.api import Api
from tests.support.blueprints import chain, fan, line, step
from tests.support.eventually import eventually
from tests.support.stepping import Stepping

STEPS = 50
KILL_AT = 25
ANSWER_SECONDS = 3.0
"""A caller whose worker died after the commit has the answer this long after the kill."""
ROUNDS = 3

ON_ITS_WAY_SECONDS = 0.05
"""An answer that comes so soon after the kill was sent before it."""

RECORDED = """
SELECT EXISTS (
    SELECT FROM execution.events AS first JOIN execution.events AS recorded USING (originator_id)
    WHERE first.topic = 'InstanceRequested' AND convert_from(first.state, 'UTF8')::json ->> 'blueprint_id' = %s
      AND recorded.topic = %s
)
"""
"""Whether a run of this blueprint has recorded a fact of this name."""


@pytest.fixture(scope="module", params=[1, 2], ids=["one-worker", "two-workers"])
def workers(request: pytest.FixtureRequest) -> int:
    return request.param


def lines_to(path: Path) -> list[dict]:
    """Steps that write a line each, and the line says whose it is."""
    return [line(f"step{number:02}", path, "${ instance.id } step" + f"{number:02}") for number in range(STEPS)]


@pytest.mark.parametrize("shape", [chain, fan])
async def test_in_the_middle_of_a_run_nothing_is_lost_and_nothing_done_twice(
    house: House, ada: Api, tmp_path: Path, shape: object
) -> None:
    path, where = tmp_path / "lines", tmp_path / "worker"
    body = shape(step("who", name="who", arguments={"path": str(where)}), *lines_to(path))
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
    completions = Counter(entry["node_id"] for entry in logs if entry["event"] == "NodeCompleted")
    assert completions == Counter({node["id"] for node in body["nodes"]})
    keys = [text.split()[1] for text in path.with_name("lines.keys").read_text().splitlines()]
    steps = [f"step{number:02}" for number in range(STEPS)]
    assert sorted(set(keys)) == [f"{instance_id}//{name}/1/1" for name in steps]
    assert sorted(path.read_text().splitlines()) == [f"{instance_id} {name}" for name in steps]


async def test_between_the_last_commit_and_the_answer_the_caller_is_answered_all_the_same(
    house: House, ada: Api, tmp_path: Path
) -> None:
    for number in range(ROUNDS):
        where = tmp_path / f"worker{number}"
        blueprint = await ada.create(chain(step("hold", name="hold", arguments={"path": str(where)})))
        stepping = Stepping(house.dsn, RECORDED, blueprint["id"], "InstanceCompleted")

        asked = asyncio.create_task(ada.execute(blueprint))
        await eventually(where.exists)
        stepping.start(int(where.read_text()))
        where.with_suffix(".go").touch()
        run = await asked
        came = time.monotonic()
        stepping.join()

        assert run["status"] == "completed"
        assert came - stepping.killed_at < ANSWER_SECONDS
        await house.is_ready()
        assert (await ada.told(run["instance_id"])).count("InstanceCompleted") == 1
        if came - stepping.killed_at > ON_ITS_WAY_SECONDS:
            return
    pytest.fail("the answer was always quicker than the kill")


async def test_between_the_acceptance_and_its_answer_the_caller_has_one_run_all_the_same(
    house: House, ada: Api
) -> None:
    for number in range(ROUNDS):
        blueprint = await ada.create(chain(step("tell"), name=f"round {number}"))
        stepping = Stepping(house.dsn, RECORDED, blueprint["id"], "InstanceRequested")

        stepping.start(*house.workers_pids().values())
        instance_id = await ada.begin(blueprint)
        came = time.monotonic()
        stepping.join()

        assert (await ada.ends(instance_id))["status"] == "completed"
        assert [run["id"] for run in await ada.pages("/instances", blueprint_id=blueprint["id"])] == [instance_id]
        await house.is_ready()
        if came - stepping.killed_at > ON_ITS_WAY_SECONDS:
            return
    pytest.fail("the answer was always quicker than the kill")

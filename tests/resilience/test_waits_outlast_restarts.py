"""Runs that wait, are paused or have failed go on after the whole stack was down, and whoever watched them sees it."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import yaml

from tests.resilience.conftest import House
from tests.resilience.test_the_stack_restarts import restarted
from tests.support.api import Api, Json
from tests.support.blueprints import chain, step
from tests.support.stacks import clean_environment

SEEN_SECONDS = 30.0
HINT = re.compile(r"headrace signal (\S+) go")


def waiting_at(*steps: Json, name: str) -> Json:
    """A run that waits, and answers with what it waited for."""
    return chain(*steps, step("end", "end", output=f"${{ nodes.{steps[-1]['id']} }}"), name=name)


SIGNALLED = waiting_at(step("go", "signal", name="go"), name="signalled")
KEYED = waiting_at(step("go", "signal", name="go", key="${ input }"), name="keyed")
APPROVED = waiting_at(step("review", "approval"), name="approved")
PAUSED = waiting_at(step("pause", "delay", seconds=5), step("tell"), name="paused")
FAILED = waiting_at(step("shaky", name="fail", arguments={"error_type": "permanent", "times": 1}), name="failed")


async def test_whatever_waits_is_steered_as_if_nothing_had_been(house: House, ada: Api) -> None:
    keyed = await ada.create(KEYED)
    signalled, approved = [await ada.begin(await ada.create(body)) for body in (SIGNALLED, APPROVED)]
    by_key = await ada.begin(keyed, "order-1")
    paused = await ada.begin(await ada.create(PAUSED))
    await ada.steer(paused, "pause")
    failed = (await ada.execute(await ada.create(FAILED)))["instance_id"]
    kept = await ada.ask(
        "POST", f"/blueprints/{keyed['id']}/signals", 202, json={"name": "go", "key": "order-2", "payload": "kept"}
    )
    for run in (signalled, approved, by_key):
        await ada.waits(run)
    await ada.reaches(paused, "paused")

    async with restarted(house, ada.user) as again:
        assert (await again.instance(paused))["status"] == "paused"
        await again.steer(signalled, "signal", name="go", payload=1)
        await again.steer(approved, "approve", 200)
        await again.steer(paused, "resume")
        await again.steer(failed, "retry")
        posted = {"name": "go", "key": "order-1", "payload": 2}
        taken = await again.ask("POST", f"/blueprints/{keyed['id']}/signals", 202, json=posted)
        late = await again.execute(keyed, "order-2")
        ended = [await again.reaches(run, "completed") for run in (signalled, approved, by_key, paused, failed)]

    assert (kept["instance_id"], taken["instance_id"]) == (None, by_key)
    assert (ended[0]["output"], ended[1]["output"]["approved"], ended[2]["output"]) == (1, True, 2)
    assert late["output"] == "kept"


async def test_who_watches_a_waiting_run_at_a_terminal_sees_its_end(house: House, ada: Api, tmp_path: Path) -> None:
    file = tmp_path / "signalled.yaml"
    file.write_text(yaml.safe_dump(SIGNALLED))
    command = [
        sys.executable,
        "-m",
        "headrace",
        "run",
        str(file),
        "--data-dir",
        str(house.data_dir),
        "--user",
        ada.user,
    ]
    watching = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, env=clean_environment())
    assert watching.stdout is not None

    async with asyncio.timeout(SEEN_SECONDS):
        while not (hint := HINT.search((await watching.stdout.readline()).decode())):
            assert not watching.stdout.at_eof()
        async with restarted(house, ada.user) as again:
            await again.steer(hint[1], "signal", name="go", payload="seen")
            rest = (await watching.stdout.read()).decode()

    assert await watching.wait() == 0, rest
    assert 'output  "seen"' in rest

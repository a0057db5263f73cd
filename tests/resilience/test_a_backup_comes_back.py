"""The rehearsal: a backup is taken under load, everything is destroyed, and elsewhere every accepted run goes on."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.resilience.conftest import House
from tests.resilience.test_read_models import READ_MODELS, dump
from tests.support.api import Api, user_of
from tests.support.blueprints import chain, nap, step
from tests.support.databases import at_rest
from tests.support.eventually import eventually

QUICK = chain(step("tell", arguments="${ input }"), step("end", "end", output="${ nodes.tell }"))
HELD = chain(step("called", "signal", name="call"), step("tell", arguments="${ nodes.called }"))
SLOW = chain(nap("nap", 3), step("tell"))
BEFORE, AT_ONCE = 30, 6


def headrace(*arguments: str) -> str:
    """A command that succeeds."""
    done = subprocess.run([sys.executable, "-m", "headrace", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Load:
    """People who go on asking for runs until they are told to stop; who was answered is remembered."""

    def __init__(self, api: Api, blueprint: dict) -> None:
        self.api, self.blueprint = api, blueprint
        self.accepted: list[str] = []
        self.stopping = False

    async def ask(self) -> None:
        while not self.stopping:
            self.accepted.append(await self.api.begin(self.blueprint, {"x": len(self.accepted)}))

    async def reaches(self, count: int) -> None:
        await eventually(lambda: len(self.accepted) >= count, 60)


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[tuple[House, House]]:
    """One that will be destroyed, and one elsewhere that is not built yet."""
    here, elsewhere = House(tmp_path / "here"), House(tmp_path / "elsewhere")
    try:
        here.start()
        yield here, elsewhere
    finally:
        for house in (here, elsewhere):
            if house.running is not None:
                house.running.reap()


@dataclass
class Promises:
    """What people were told is accepted, before the backup began."""

    finishing: list[str]
    waiting: list[str]
    blueprint: dict


async def test_all_that_was_accepted_before_it_is_there_or_goes_on(houses: tuple[House, House], tmp_path: Path):
    here, elsewhere = houses
    backup, key = str(tmp_path / "backup"), tmp_path / "key"
    promises = await backed_up_under_load(here, backup, str(key))
    assert key.stat().st_mode & 0o077 == 0
    destroy(here)

    where = ("--data-dir", str(elsewhere.data_dir))
    await asyncio.to_thread(headrace, "restore", backup, "--key", str(key), *where)
    elsewhere.start()

    async with user_of(elsewhere.up, "ada") as ada:
        await are_kept(promises, ada)
    await the_read_models_equal_rebuilt_ones(elsewhere)
    assert await doctored(elsewhere) == []
    elsewhere.stop()


async def backed_up_under_load(house: House, backup: str, key: str) -> Promises:
    async with user_of(house.up, "ada") as ada:
        quick, held, slow = [await ada.create(body) for body in (QUICK, HELD, SLOW)]
        waiting = [await ada.begin(held, {}) for _ in range(5)]
        load = Load(ada, quick)
        asking = [asyncio.create_task(load.ask()) for _ in range(AT_ONCE)]
        await load.reaches(BEFORE)
        napping = [await ada.begin(slow, {}) for _ in range(5)]
        promised = list(load.accepted)
        where = ("--data-dir", str(house.data_dir))
        await asyncio.to_thread(headrace, "backup", backup, "--key", key, *where)
        load.stopping = True
        await asyncio.gather(*asking)
    assert len(load.accepted) > len(promised), "people went on asking while it was taken"
    return Promises([*promised, *napping], waiting, quick)


async def are_kept(promises: Promises, ada: Api) -> None:
    for instance_id in promises.waiting:
        await ada.steer(instance_id, "signal", name="call", payload={"x": 1})
    for instance_id in (*promises.finishing, *promises.waiting):
        assert (await ada.ends(instance_id, timeout=60))["status"] == "completed"
    assert (await ada.execute(promises.blueprint, {"x": 7}))["output"] == {"x": 7}


async def the_read_models_equal_rebuilt_ones(house: House) -> None:
    await at_rest(house.up, timeout=60)
    for service in READ_MODELS:
        before = await dump(house, service)
        await asyncio.to_thread(headrace, "rebuild", service, "--data-dir", str(house.data_dir))
        assert await dump(house, service) == before


async def doctored(house: House) -> list[dict]:
    """What the doctor calls broken."""
    command = [sys.executable, "-m", "headrace", "doctor", "--json", "--data-dir", str(house.data_dir)]
    found = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    return [one for one in json.loads(found.stdout)["findings"] if one["level"] == "fail"]


def destroy(house: House) -> None:
    """Kill everything at once, and leave nothing of it on the disk."""
    house.up.reap()
    house.running = None
    shutil.rmtree(house.data_dir)

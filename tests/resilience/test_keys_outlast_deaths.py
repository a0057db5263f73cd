"""Runs wait for one key and signals are posted to it while a worker is killed: each signal still has one taker."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import pytest

from tests.resilience.conftest import House
from tests.support.api import Api, Json
from tests.support.blueprints import chain, step
from tests.support.eventually import eventually

PAIRS = 24
ENDS_SECONDS = 60.0
KEYED = chain(
    step("paid", "signal", name="paid", key="${ input }"), step("end", "end", output="${ nodes.paid }"), name="keyed"
)


@pytest.fixture(scope="module")
def workers() -> int:
    return 2


async def answered(api: Api, path: str, key: str, body: Json) -> Json:
    """What a client is told who asks again, under the same key, for as long as nobody is there to answer."""

    async def accepted() -> Json | None:
        response = await api.send("POST", path, json=body, headers={"Idempotency-Key": key})
        assert response.status_code in (202, 503), response.text
        answer: Json = response.json()
        return answer if response.status_code == 202 else None

    return await eventually(accepted, ENDS_SECONDS) or {}


async def test_each_signal_has_one_taker_whoever_dies(house: House, ada: Api) -> None:
    path = f"/blueprints/{(await ada.create(KEYED))['id']}"

    def begun(number: int) -> Awaitable[Json]:
        return answered(ada, f"{path}/execute?mode=async", f"run {number}", {"input": "k"})

    def posted(number: int) -> Awaitable[Json]:
        return answered(ada, f"{path}/signals", f"{number}", {"name": "paid", "key": "k", "payload": number})

    killing = asyncio.create_task(house.kill(next(iter(house.workers_pids()))))
    told = await asyncio.gather(*(task for number in range(PAIRS) for task in (begun(number), posted(number))))
    await killing
    runs = [answer["instance_id"] for answer in told if "signal_id" not in answer]
    ended = [await ada.reaches(run, "completed", timeout=ENDS_SECONDS) for run in runs]

    assert Counter(run["output"] for run in ended) == Counter(range(PAIRS))
    for run in runs:
        assert (await ada.told(run)).count("SignalReceived") == 1

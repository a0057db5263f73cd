"""A long history is read and folded page by page, so that other runs go on between."""

import pytest

from execution.driving import records
from tests.execution.families import WAITS, reaches, send_go
from tests.support.mill import Mill

FIRST_PAGE, PAGE = 3, 2
WHOSE = 1
"""The first fact says whose a run is, and is read before anything else."""


@pytest.fixture(autouse=True)
def limits(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """How many facts were asked for each time."""
    asked: list[int | None] = []
    read, read_many = mill.at.records.store.read, mill.at.records.store.read_many

    async def read_and_note(stream_id: object, after_version: int = 0, limit: int | None = None) -> object:
        asked.append(limit)
        return await read(stream_id, after_version, limit)

    async def read_many_and_note(streams: object, limit: int | None = None) -> object:
        asked.append(limit)
        return await read_many(streams, limit)

    monkeypatch.setattr(mill.at.records.store, "read", read_and_note)
    monkeypatch.setattr(mill.at.records.store, "read_many", read_many_and_note)
    monkeypatch.setattr(records, "FIRST_PAGE", FIRST_PAGE)
    monkeypatch.setattr(records, "PAGE", PAGE)
    return asked


async def test_is_the_same_instance(mill: Mill, limits: list[int | None]) -> None:
    answer = await mill.execute(await mill.know(WAITS), wait=0)
    await reaches(mill, answer.instance_id, "waiting")
    limits.clear()

    instance = await mill.at.records.load(answer.instance_id)

    assert limits == [FIRST_PAGE] + [PAGE] * ((instance.version - FIRST_PAGE) // PAGE + 1)
    assert (instance.status, instance.version) == ("waiting", len(await mill.facts(answer.instance_id)))


async def test_is_taken_over_with_its_graph(mill: Mill, limits: list[int | None]) -> None:
    answer = await mill.execute(await mill.know(WAITS), wait=0)
    await reaches(mill, answer.instance_id, "waiting")
    mill.at.worker.rested.kept.clear()
    limits.clear()

    await send_go(mill, answer.instance_id)

    await reaches(mill, answer.instance_id, "completed")
    assert limits[:2] == [WHOSE, FIRST_PAGE]
    assert set(limits) == {WHOSE, FIRST_PAGE, PAGE}

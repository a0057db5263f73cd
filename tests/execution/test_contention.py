"""Races for a stream: who loses tries again in line, and gives up in the end."""

import asyncio

import pytest

from chassis.ids import new_id
from chassis.ledger import VersionConflict
from execution.driving import contention
from execution.driving.contention import insist


class Stream:
    """A stream that each writer must find as it was read, however long writing takes."""

    def __init__(self) -> None:
        self.id = new_id()
        self.version = 0
        self.tries = 0

    async def append(self) -> int:
        """Read, think, write; answers the version that was written."""
        self.tries += 1
        read = self.version
        await asyncio.sleep(0)
        if self.version != read:
            raise VersionConflict(self.id, read)
        self.version += 1
        return self.version


async def test_many_who_race_get_through_with_about_two_tries_each() -> None:
    stream = Stream()
    versions = await asyncio.gather(*(insist(stream.append) for _ in range(200)))
    assert sorted(versions) == list(range(1, 201))
    assert stream.tries < 2 * 200 + 10


async def test_what_never_succeeds_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contention, "TRIES_MAX", 3)
    tries: list[None] = []

    async def in_vain() -> None:
        tries.append(None)
        raise VersionConflict(new_id(), 7)

    with pytest.raises(VersionConflict):
        await insist(in_vain)
    assert len(tries) == 5


async def test_another_failure_is_not_tried_again() -> None:
    async def broken() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await insist(broken)

"""Entries go to access at once after a rest, and in batches while they keep coming."""

import asyncio
from time import monotonic

import pytest

from chassis.bus import Bus
from gateway import auditing
from gateway.auditing import Auditor
from tests.gateway.access import FakeAccess, entry
from tests.support.eventually import eventually


async def test_entries_go_together(bus: Bus, access: FakeAccess):
    async with Auditor(bus) as auditor:
        for _ in range(1_200):
            auditor.write(entry())
        await eventually(lambda: len(access.audited) == 1_200)

    assert max(len(batch.entries) for batch in access.batches) <= auditing.BATCH_ENTRIES
    assert len(access.batches) <= 4


async def test_a_stream_of_entries_is_gathered_for_longer_than_a_few(bus: Bus, access: FakeAccess):
    async with Auditor(bus) as auditor:
        began = monotonic()
        for _ in range(60):
            auditor.write(entry())
            await asyncio.sleep(0.01)
        taken = monotonic() - began
        await eventually(lambda: len(access.audited) == 60)

    assert len(access.batches) <= 4 + taken / auditing.LAST_GATHER_SECONDS


async def test_the_first_entry_after_a_rest_is_not_held_back(
    bus: Bus, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(auditing, "FIRST_GATHER_SECONDS", 30.0)
    async with Auditor(bus) as auditor:
        auditor.write(entry())

        await eventually(lambda: access.audited)

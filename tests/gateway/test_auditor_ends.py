"""A gateway that ends writes down what it still can, and does not wait for ever."""

import asyncio

import pytest

from contracts.audit import RecordAudit
from gateway import auditing
from gateway.auditing import Auditor
from tests.gateway.access import FakeAccess, entry


async def test_what_waits_is_written_before_the_process_ends(bus, access: FakeAccess):
    async with Auditor(bus) as auditor:
        auditor.write(entry())

    assert len(access.audited) == 1


async def test_a_process_that_ends_does_not_wait_for_ever(bus, access: FakeAccess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(auditing, "FLUSH_SECONDS", 0.1)
    access.refusals[RecordAudit] = None

    async with asyncio.timeout(5), Auditor(bus) as auditor:
        auditor.write(entry())

    assert auditor.waiting == 1

"""The doctor on a real Postgres and a real NATS: each thing that can be wrong is brought about once, and found."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.js.api import DiscardPolicy, StorageType

from headrace import services
from headrace.doctor import examination
from headrace.doctor.databases import disk_of, judge_disk
from tests.headrace.patients import EVENT, Patient


async def test_a_deployment_in_which_nothing_is_wrong(patient: Patient):
    assert await patient.examined() == []


async def test_postgres_that_forgets_and_services_that_do_not_run(patient: Patient):
    found = await examination.examine(patient.target, lambda _: None)

    forgetful = [one.sentence.partition(" ")[0] for one in found if one.check == "durability"]
    assert forgetful == ["fsync", "full_page_writes", "synchronous_commit"]
    absent = [one.sentence for one in found if one.check == "processes" and one.level == "fail"]
    assert absent == [f"No {service} process answers." for service in services.MIGRATIONS]


async def test_servers_that_do_not_answer(patient: Patient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examination, "CONNECT_SECONDS", 0.5)
    nowhere = dict.fromkeys(services.MIGRATIONS, "postgresql://127.0.0.1:1/none")
    patient.target = replace(patient.target, nats_url="nats://127.0.0.1:1", dsns=nowhere, url="http://127.0.0.1:1")

    found = await patient.examined()

    wanted = ["postgres"] * len(services.MIGRATIONS) + ["nats", "gateway"]
    assert [(one.check, one.level) for one in found] == [(check, "fail") for check in wanted]


async def test_a_schema_of_another_version(patient: Patient):
    forget = "DELETE FROM schema_migrations WHERE module = 'metrics.migrations' AND number = 2"
    await patient.execute("metrics", forget)

    await patient.has("schema", "fail", "lacks metrics.migrations/0002", "headrace migrate")


class TestStreams:
    async def test_one_is_missing(self, patient: Patient):
        await patient.bus.js.delete_stream(patient.bus.stream("blueprint"))

        await patient.has("streams", "fail", "BLUEPRINT is missing")

    @pytest.mark.parametrize(
        ("changes", "level", "words"),
        [
            ({"max_age": 3600.0}, "warn", "keeps events for 1.0 h instead of 168 h"),
            ({"storage": StorageType.MEMORY}, "warn", "kept in memory"),
            ({"discard": DiscardPolicy.NEW}, "fail", "refuses new messages when it is full"),
        ],
    )
    async def test_one_has_settings_that_endanger_it(self, patient: Patient, changes, level, words):
        await patient.edit("blueprint", **changes)

        await patient.has("streams", level, words)

    async def test_one_takes_in_what_others_publish(self, patient: Patient):
        await patient.bus.js.publish(f"{patient.bus.namespace}.blueprint.Garbage.1", b"?")

        await patient.has("foreign messages", "fail", "no relay of ours published")

    async def test_a_consumer_takes_nothing(self, patient: Patient, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("headrace.doctor.streams.PENDING_WARN", 0)
        subject = f"{patient.bus.namespace}.work.start.1"
        await patient.bus.js.publish(subject, b"1")
        await patient.bus.js.pull_subscribe(subject, "execution_start", stream=patient.bus.stream("work"))

        await patient.has("consumers", "warn", "execution_start has 1 messages")


class TestFollowers:
    async def test_nobody_publishes_what_is_recorded(self, patient: Patient):
        await patient.execute("execution", EVENT, uuid4(), 1, "InstanceStarted")

        await patient.has("relay", "fail", "1 events of execution's ledger", "Nobody publishes")

    async def test_a_ledger_that_went_back_in_time(self, patient: Patient):
        await patient.publish_as_relay("execution", position=7)

        await patient.has("relay", "fail", "stream knows 7, its ledger ends at 0")

    async def test_a_stranger_behind_the_last_fact_is_not_taken_for_the_end(self, patient: Patient):
        position = await patient.execute("execution", EVENT, uuid4(), 1, "InstanceStarted")
        await patient.publish_as_relay("execution", position)
        await patient.bus.js.publish(patient.bus.subject("execution", "Garbage", "1"), b"?")

        assert [one.check for one in await patient.examined()] == ["foreign messages"]

    async def test_a_projection_that_does_not_move(self, patient: Patient):
        await patient.execute("execution", EVENT, uuid4(), 1, "InstanceStarted")
        stand = "INSERT INTO checkpoints VALUES ('instances', 'execution', 0, now() - interval '1 hour')"
        await patient.execute("execution", stand)

        await patient.has("projections", "fail", "execution/instances is 1 facts behind and has not moved")

    async def test_a_projection_of_milestones_is_not_behind_by_what_it_is_not_sent(self, patient: Patient):
        await patient.execute("execution", EVENT, uuid4(), 1, "InstanceStarted")
        stand = "INSERT INTO checkpoints VALUES ('executions', 'execution', 0, now() - interval '1 hour')"
        await patient.execute("metrics", stand)

        assert [one.check for one in await patient.examined()] == ["relay"]

    async def test_letters(self, patient: Patient):
        put_aside = (
            "INSERT INTO dead_letters (id, projection, source, position, event_id, topic, payload, error) "
            "VALUES (gen_random_uuid(), 'executions', 'execution', $1, gen_random_uuid(), 'X', '{}', 'why')"
        )
        await patient.execute("metrics", put_aside, 7)
        await patient.execute("metrics", put_aside, 0)

        found = [(one.check, one.level) for one in await patient.examined()]

        assert found == [("dead letters", "warn"), ("foreign messages", "fail")]


class TestTheCommand:
    async def test_says_how_bad_it_is(self, patient: Patient, headrace, monkeypatch: pytest.MonkeyPatch):
        outcome = await run(patient, headrace, monkeypatch, "--json")

        assert outcome[0] == 2
        assert json.loads(outcome[1])["level"] == "fail"

    async def test_tells_people_what_to_do(self, patient: Patient, headrace, monkeypatch: pytest.MonkeyPatch):
        _, printed, _ = await run(patient, headrace, monkeypatch)

        assert "fail  processes          No execution process answers.\n" in printed
        assert "→ Start it: `headrace up`, or `headrace service execution` beside your own servers.\n" in printed

    def test_needs_a_stack_or_addresses(self, headrace):
        status, _, said = headrace("doctor")

        assert status == 1
        assert "No stack runs on .headrace: start one with `headrace up`" in said


async def run(patient: Patient, headrace: Any, monkeypatch: pytest.MonkeyPatch, *options: str) -> Sequence[Any]:
    """The command, in a thread: it has an event loop of its own."""
    monkeypatch.setenv("HEADRACE_NATS_URL", patient.target.nats_url)
    monkeypatch.setenv("HEADRACE_NAMESPACE", patient.target.namespace)
    monkeypatch.setenv("HEADRACE_POSTGRES_DSN", patient.target.dsns["execution"])
    return await asyncio.to_thread(headrace, "doctor", *options)


def test_the_room_on_the_disk_is_looked_at(tmp_path: Path):
    assert judge_disk(disk_of(tmp_path)).check == "disk"

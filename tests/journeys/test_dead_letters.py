"""What no version of the code can read is put aside where people find it, and the consumers go on."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext

from chassis.bus import inbox_prefix
from chassis.ids import new_id
from tests.support.api import Api
from tests.support.blueprints import chain, step
from tests.support.databases import at_rest, database
from tests.support.eventually import eventually
from tests.support.stacks import Up

UNREADABLE = """
INSERT INTO events (originator_id, originator_version, topic, state, event_id) VALUES ($1, 1, $2, $3, $4)
RETURNING notification_id
"""
"""As a later version of the service would have written it. The tests' stack is at rest, so nobody writes beside it."""


@pytest.fixture
async def stream(stack: Up) -> AsyncIterator[JetStreamContext]:
    """JetStream as the blueprint service may use it."""
    url = stack.state["nats_urls"]["blueprint"]
    connection = await nats.connect(url, inbox_prefix=inbox_prefix(url))
    yield connection.jetstream()
    await connection.close()


def dead_letters(up: Up, *verb: str) -> Any:
    """What `headrace dead-letters` says: without a verb, what there is."""
    command = [sys.executable, "-m", "headrace", "dead-letters", *verb, "--json", "--data-dir", str(up.data_dir)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


async def put_aside_by(up: Up, topic: str, *projections: str) -> list[dict]:
    """The letters with this topic, once each of these projections has put its own aside."""

    def found() -> list[dict]:
        letters = [letter for letter in dead_letters(up) if letter["topic"] == topic]
        assert {letter["projection"] for letter in letters} == set(projections), letters
        return letters

    return await eventually(found, 20)


async def goes_on(api: Api) -> None:
    """A new blueprint becomes known everywhere and runs."""
    run = await api.execute(await api.create(chain(step("tell"))))
    assert run["status"] == "completed"

    async def counted() -> bool:
        usage = await api.get("/analytics/usage")
        return [row["name"] for row in usage["by_blueprint"]] == ["chain"]

    await eventually(counted)


@pytest.mark.parametrize("body", [b"{", b"\xff\x00", b'{"colour": "blue"}'])
async def test_a_message_that_no_relay_published(stack: Up, ada: Api, stream: JetStreamContext, body: bytes) -> None:
    subject = f"headrace.blueprint.Garbage.{new_id()}"

    await stream.publish(subject, body)

    letters = await put_aside_by(stack, subject, "known_versions", "blueprint_names")
    assert all(letter["source"] == "blueprint" and letter["error"] for letter in letters)
    await goes_on(ada)


@pytest.mark.parametrize(
    ("topic", "state"), [("BlueprintTeleported", b"{}"), ("BlueprintCreated", b'{"name": 7}')], ids=["event", "body"]
)
async def test_an_event_of_the_ledger_that_is_unknown_or_broken(stack: Up, ada: Api, topic: str, state: bytes) -> None:
    await at_rest(stack)
    async with database(stack, "blueprint") as connection:
        position = await connection.fetchval(UNREADABLE, new_id(), topic, state, new_id())

    await goes_on(ada)

    letters = [letter for letter in await letters_at(stack, position) if letter["source"] == "blueprint"]
    assert {letter["projection"] for letter in letters} == {"blueprints", "known_versions", "blueprint_names"}
    await at_rest(stack)


async def letters_at(up: Up, position: int) -> list[dict]:
    """The letters about one place of the ledger, once all three projections of it have theirs."""

    def found() -> list[dict]:
        letters = [letter for letter in dead_letters(up) if letter["position"] == position]
        return letters if len(letters) >= 3 else []

    return await eventually(found, 20)


PUT_ASIDE = """
INSERT INTO dead_letters (id, projection, source, position, event_id, topic, payload, error)
SELECT gen_random_uuid(), $1, 'blueprint', max(notification_id), gen_random_uuid(), 'BlueprintCreated', '{}', 'a bug'
FROM events RETURNING id
"""
"""As a version of the code did that could not read what this one can."""


async def test_letters_are_tried_again_in_their_place_and_those_of_no_use_are_discarded(stack: Up, ada: Api) -> None:
    await ada.create(chain(step("tell")))
    async with database(stack, "blueprint") as connection:
        readable = str(await connection.fetchval(PUT_ASIDE, "blueprints"))
        await connection.fetchval(UNREADABLE, new_id(), "BlueprintVanished", b"{}", new_id())
    await goes_on(ada)
    await put_aside_by(stack, "BlueprintVanished", "blueprints", "known_versions", "blueprint_names")

    [tried] = dead_letters(stack, "redrive", "--id", readable)

    assert (tried["service"], tried["projection"], tried["applied"]) == ("blueprint", "blueprints", 1)
    left = [letter["id"] for letter in dead_letters(stack)]
    assert readable not in left
    assert tried["remaining"] > 0

    assert dead_letters(stack, "discard", *left, "--reason", "never existed") == {"discarded": len(left)}
    assert dead_letters(stack) == []
    assert dead_letters(stack, "redrive", "--all") == []
    command = [sys.executable, "-m", "headrace", "rebuild", "blueprint", "--data-dir", str(stack.data_dir)]
    await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    assert dead_letters(stack) == []
    await at_rest(stack)

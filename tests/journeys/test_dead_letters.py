"""What no version of the code can read is put aside where people find it, and the consumers go on."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator

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


def dead_letters(up: Up) -> list[dict]:
    """What `headrace dead-letters` lists."""
    command = [sys.executable, "-m", "headrace", "dead-letters", "--json", "--data-dir", str(up.data_dir)]
    found: list[dict] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


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

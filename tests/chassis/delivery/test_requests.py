"""Every request gets a reply, whatever its handler does."""

import asyncio

import orjson
import pytest

from chassis.bus import Bus
from chassis.runtime import Runtime
from contracts.refusal import Conflict, Failed, Malformed
from tests.chassis.delivery.post import ANNE, ListPlaces, MoveParcel


async def test_a_refusal_comes_back_as_it_is(post: Runtime, bus: Bus):
    with pytest.raises(Conflict) as raised:
        await bus.ask(MoveParcel(caller=ANNE, place="here"))

    assert (raised.value.code, raised.value.detail) == ("already_here", "It is here.")


async def test_a_defect_is_answered_with_the_id_to_look_for(post: Runtime, bus: Bus):
    with pytest.raises(Failed, match=r"log id is [0-9a-f-]{36}") as raised:
        await bus.ask(MoveParcel(caller=ANNE, place="fire"))

    assert "burns" not in raised.value.detail


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"caller":{"user_id":"anne"},"place":7}'])
async def test_a_body_that_is_no_such_request_is_malformed(post: Runtime, bus: Bus, body: bytes):
    reply = await bus.nc.request(MoveParcel.subject(bus.namespace), body, timeout=10)

    assert (reply.headers or {})["Headrace-Refusal"] == "malformed"
    view = orjson.loads(reply.data)
    assert (view["status"], view["title"]) == (Malformed.status, Malformed.title)
    assert view["errors"][0]["pointer"] in ("/", "/place")


async def test_an_answer_larger_than_the_bus_takes_is_a_defect_and_not_a_silence(post: Runtime, bus: Bus):
    half = bus.nc.max_payload // 2
    await bus.ask(MoveParcel(caller=ANNE, place="x" * half))
    await bus.ask(MoveParcel(caller=ANNE, place="y" * half))

    with pytest.raises(Failed, match="more than the message bus carries"):
        await bus.ask(ListPlaces(caller=ANNE))


async def test_slow_requests_hold_back_no_other(post: Runtime, bus: Bus):
    slow = [asyncio.create_task(bus.ask(ListPlaces(caller=ANNE, wait_seconds=1.5))) for _ in range(100)]
    await asyncio.sleep(0)

    assert await asyncio.wait_for(bus.ask(ListPlaces(caller=ANNE)), 1.0) == b"[]"
    assert await asyncio.gather(*slow) == [b"[]"] * 100

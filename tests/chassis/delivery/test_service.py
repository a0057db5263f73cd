"""A service process: what it records is published and projected, and draining loses no request."""

import asyncio

import orjson
import pytest
from nats.js.errors import NotFoundError

from chassis.asyncapi import asyncapi
from chassis.bus import Bus, settle
from chassis.migrations import UnknownSchema
from chassis.runtime import Runtime
from chassis.service import running
from chassis.settings import Settings
from contracts.refusal import Unavailable
from tests.chassis.delivery.office import SERVICE, Stops
from tests.chassis.delivery.post import ANNE, POST, ListPlaces, MoveParcel
from tests.support.eventually import eventually


async def test_a_command_is_recorded_and_a_query_shows_it(post: Runtime, bus: Bus):
    receipt = await bus.ask_for(MoveParcel(caller=ANNE, place="Lisbon"))

    assert receipt.position == await post.store.head()
    assert await bus.ask(ListPlaces(caller=ANNE)) == b'["Lisbon"]'
    assert await bus.ask_for(ListPlaces(caller=ANNE, wait_seconds=0.01)) == ["Lisbon"]


async def test_what_a_command_recorded_is_published(post: Runtime, bus: Bus):
    await bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))

    async def published() -> bool:
        try:
            info = await bus.js.stream_info(bus.stream(SERVICE))
        except NotFoundError:
            return False
        return info.state.messages > 0

    await eventually(published)


async def test_requests_under_way_are_answered_before_the_service_ends(settings: Settings, bus: Bus):
    async with running(POST, settings):
        under_way = [asyncio.create_task(bus.ask(ListPlaces(caller=ANNE, wait_seconds=0.5))) for _ in range(20)]
        moves = [asyncio.create_task(bus.ask(MoveParcel(caller=ANNE, place=str(number)))) for number in range(50)]
        await settle(bus.nc)

    assert len(await asyncio.gather(*under_way)) == 20
    assert len(await asyncio.gather(*moves)) == 50
    assert (await bus.js.stream_info(bus.stream(SERVICE))).state.messages == 50
    with pytest.raises(Unavailable):
        await bus.ask(ListPlaces(caller=ANNE))


async def test_two_processes_share_the_requests_and_each_answers_a_ping(post: Runtime, settings: Settings, bus: Bus):
    async with running(POST, settings):
        await asyncio.gather(*(bus.ask(MoveParcel(caller=ANNE, place=str(number))) for number in range(20)))
        assert len(orjson.loads(await bus.ask(ListPlaces(caller=ANNE)))) == 20

        inbox = await bus.nc.subscribe(bus.nc.new_inbox())
        await bus.nc.publish(bus.subject("ops", SERVICE, "ping"), reply=inbox.subject)
        pings = [orjson.loads((await inbox.next_msg(timeout=10)).data) for _ in range(2)]

    assert [ping["service"] for ping in pings] == [SERVICE] * 2
    assert all(ping["ready"] and ping["pid"] and ping["version"] for ping in pings)
    assert [ping["relay_leader"] for ping in pings].count(True) == 1
    (states,) = zip(*(ping["projections"] for ping in pings), strict=True)
    assert [state["name"] for state in states] == ["stops"] * 2
    assert [state["leading"] for state in states].count(True) == 1


async def test_metrics_come_over_the_bus(post: Runtime, bus: Bus):
    await bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))

    reply = await bus.nc.request(bus.subject("ops", SERVICE, "metrics"), timeout=10)

    assert b'headrace_requests_total{name="MoveParcel",outcome="answered"}' in reply.data


async def test_an_operator_has_a_read_model_rebuilt(post: Runtime, bus: Bus):
    receipt = await bus.ask_for(MoveParcel(caller=ANNE, place="Lisbon"))
    await post.pool.execute("UPDATE stops SET place = 'spoilt'")

    reply = await bus.nc.request(bus.subject("ops", SERVICE, "rebuild"), b'{"projection":"stops"}', timeout=10)

    assert orjson.loads(reply.data) == {"projection": "stops", "position": receipt.position}
    assert await bus.ask(ListPlaces(caller=ANNE)) == b'["Lisbon"]'


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"projection":"starts"}', "no_such_projection"), (b"{", "rebuild_failed")],
    ids=["an unknown name", "no JSON"],
)
async def test_what_cannot_be_rebuilt_is_refused(post: Runtime, bus: Bus, body: bytes, code: str):
    reply = await bus.nc.request(bus.subject("ops", SERVICE, "rebuild"), body, timeout=10)

    assert (reply.headers or {})["Headrace-Refusal"] == code


async def test_a_service_refuses_to_start_on_a_schema_it_does_not_know(postgres_dsn: str, nats_url: str):
    settings = Settings(postgres_dsn=postgres_dsn, nats_url=nats_url)

    with pytest.raises(UnknownSchema, match="headrace migrate"):
        async with running(POST, settings):
            raise AssertionError("it started")


async def test_a_projection_of_a_service_that_is_not_heard_is_a_mistake_said_at_once(post: Runtime):
    with pytest.raises(RuntimeError, match=r"Service\.hears"):
        post.run(Stops("harbour"))


def test_the_document_names_what_is_heard_said_and_answered():
    document = asyncapi(POST)

    assert document["asyncapi"].startswith("3.")
    operations = {name: operation["action"] for name, operation in document["operations"].items()}
    assert operations["MoveParcel"] == operations["ListPlaces"] == "receive"
    assert operations["ParcelMoved"] == operations["ParcelDelivered"] == "send"
    assert operations["ParcelDeliveredFromCustoms"] == "receive"
    assert document["channels"]["MoveParcel"]["address"] == "headrace.command.post.MoveParcel"
    assert document["channels"]["MoveParcel"]["description"] == "Record the move of a new parcel."
    reply = document["channels"]["MoveParcelReply"]["messages"]
    assert set(reply["answer"]["payload"]["properties"]) == {"position"}
    assert reply["refusal"]["payload"]["title"] == "RefusalView"
    assert asyncapi(POST) == document

"""A service process: every request gets a reply, whatever its handler does; draining loses none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from uuid import UUID

import orjson
import pytest
from pydantic import BaseModel

from chassis import telemetry
from chassis.asyncapi import asyncapi
from chassis.bus import Bus
from chassis.ids import new_id
from chassis.ledger import Append
from chassis.migrations import UnknownSchema, migrate_up
from chassis.postgres import open_pool
from chassis.projection_runner import ProjectionRunner
from chassis.runtime import Runtime
from chassis.service import Service, running
from chassis.settings import Settings
from contracts.message import Caller, Command, Query
from contracts.refusal import Conflict, Failed, Malformed, Unavailable
from tests.chassis.delivery.office import MIGRATIONS, SERVICE, TABLES, Stops, move
from tests.chassis.parcels import ParcelDelivered, ParcelMoved
from tests.support.eventually import eventually

ANNE = Caller(user_id="anne")


class Receipt(BaseModel):
    """What a command answers."""

    position: int


class MoveParcel(Command):
    """Move a new parcel to a place."""

    SERVICE: ClassVar[str] = SERVICE
    ANSWER: ClassVar[Any] = Receipt

    place: str


class ListPlaces(Query):
    """Every place there is."""

    SERVICE: ClassVar[str] = SERVICE
    ANSWER: ClassVar[Any] = list[str]

    wait_seconds: float = 0


class Post:
    """What the handlers need."""

    def __init__(self, runtime: Runtime, stops: ProjectionRunner) -> None:
        self.runtime = runtime
        self.stops = stops
        self.asked = 0
        self.traces: list[str | None] = []


async def move_parcel(command: MoveParcel, post: Post) -> Receipt:
    """Record the move of a new parcel."""
    if command.place == "here":
        raise Conflict("already_here", "It is here.")
    if command.place == "fire":
        raise RuntimeError("the house burns")
    parcel: UUID = new_id()
    return Receipt(position=await post.runtime.store.append(Append(parcel, (move(parcel, 1, command.place),))))


async def list_places(query: ListPlaces, post: Post) -> Any:
    """Read every place, after a while if asked to."""
    post.asked += 1
    post.traces.append(telemetry.current_traceparent())
    await asyncio.sleep(query.wait_seconds)
    await post.stops.caught_up()
    places = [row[0] for row in await post.runtime.pool.fetch("SELECT place FROM stops ORDER BY place")]
    return orjson.dumps(places) if query.wait_seconds else places


@asynccontextmanager
async def start(runtime: Runtime) -> AsyncIterator[Post]:
    """Keep the stops."""
    yield Post(runtime, runtime.run(Stops()))


POST = Service(
    name=SERVICE,
    says=(ParcelMoved, ParcelDelivered),
    hears=(("customs", (ParcelDelivered,)),),
    answers={MoveParcel: move_parcel, ListPlaces: list_places},
    migrations=tuple(MIGRATIONS),
    start=start,
)


@pytest.fixture
async def settings(postgres_dsn: str, nats_url: str, namespace: str) -> Settings:
    """Of a deployment whose schema is made."""
    async with await open_pool(postgres_dsn, SERVICE, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        await migrate_up(connection, MIGRATIONS, SERVICE)
        await connection.execute(TABLES)
    return Settings(postgres_dsn=postgres_dsn, nats_url=nats_url, namespace=namespace)


@pytest.fixture
async def post(settings: Settings, bus: Bus) -> AsyncIterator[Runtime]:
    """The service at work; `bus` is another process that asks it."""
    async with running(POST, settings) as runtime:
        yield runtime


async def test_a_command_is_recorded_and_a_query_shows_it(post: Runtime, bus: Bus):
    receipt = await bus.ask_for(MoveParcel(caller=ANNE, place="Lisbon"))

    assert receipt.position == await post.store.head()
    assert await bus.ask(ListPlaces(caller=ANNE)) == b'["Lisbon"]'
    assert await bus.ask_for(ListPlaces(caller=ANNE, wait_seconds=0.01)) == ["Lisbon"]


async def test_what_a_command_recorded_is_published(post: Runtime, bus: Bus):
    await bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))

    async def published() -> int:
        return (await bus.js.stream_info(bus.stream(SERVICE))).state.messages

    await eventually(published)


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
    reply = await bus.nc.request(MoveParcel.subject(bus.namespace), body)

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


async def test_requests_under_way_are_answered_before_the_service_ends(settings: Settings, bus: Bus):
    async with running(POST, settings):
        under_way = [asyncio.create_task(bus.ask(ListPlaces(caller=ANNE, wait_seconds=0.5))) for _ in range(20)]
        moves = [asyncio.create_task(bus.ask(MoveParcel(caller=ANNE, place=str(number)))) for number in range(50)]
        await bus.nc.flush()

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
        pings = [orjson.loads((await inbox.next_msg()).data) for _ in range(2)]

    assert [ping["service"] for ping in pings] == [SERVICE] * 2
    assert all(ping["ready"] and ping["pid"] and ping["version"] for ping in pings)
    assert [ping["relay_leader"] for ping in pings].count(True) == 1
    (states,) = zip(*(ping["projections"] for ping in pings), strict=True)
    assert [state["name"] for state in states] == ["stops"] * 2
    assert [state["leading"] for state in states].count(True) == 1


async def test_metrics_come_over_the_bus(post: Runtime, bus: Bus):
    await bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))

    reply = await bus.nc.request(bus.subject("ops", SERVICE, "metrics"))

    assert b'headrace_requests_total{name="MoveParcel",outcome="answered"}' in reply.data


async def test_a_read_model_is_rebuilt_through_the_runtime(post: Runtime, bus: Bus):
    await bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))
    await post.pool.execute("UPDATE stops SET place = 'spoilt'")

    await post.rebuild(Stops())

    assert await bus.ask(ListPlaces(caller=ANNE)) == b'["Lisbon"]'


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

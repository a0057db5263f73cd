"""Asking a service brings its answer, its refusal, or the news that nobody is there; streams are kept as they are."""

import asyncio
from typing import Any, ClassVar

import pytest
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError
from pydantic import BaseModel

from chassis import telemetry
from chassis.bus import Bus, refusal_from
from contracts.message import Caller, Query
from contracts.refusal import Failed, Invalid, Missing, Problem, Refusal, TooLarge, TooMany, Unavailable

ANNE = Caller(user_id="anne")


class Where(BaseModel):
    """Where a parcel is."""

    place: str


class FindParcel(Query):
    """Where is the parcel."""

    SERVICE: ClassVar[str] = "post"
    ANSWER: ClassVar[Any] = Where

    name: str = "parcel"


async def answering(bus: Bus, body: bytes, headers: dict[str, str] | None = None) -> list[Msg]:
    """Let the post answer every question like this; gives the list in which the questions arrive."""
    asked: list[Msg] = []

    async def answer(message: Msg) -> None:
        asked.append(message)
        await bus.nc.publish(message.reply, body, headers=headers)

    await bus.nc.subscribe(FindParcel.subject(bus.namespace), cb=answer)
    return asked


async def test_the_answer_comes_as_bytes_or_as_its_model(bus: Bus):
    await answering(bus, b'{"place":"Lisbon"}')

    assert await bus.ask(FindParcel(caller=ANNE)) == b'{"place":"Lisbon"}'
    assert await bus.ask_for(FindParcel(caller=ANNE)) == Where(place="Lisbon")


async def test_the_trace_of_the_asking_task_rides_along(bus: Bus):
    asked = await answering(bus, b"{}")
    trace = f"00-{'1' * 32}-{'2' * 16}-01"

    with telemetry.span("asking", parent=trace):
        await bus.ask(FindParcel(caller=ANNE), headers={"Headrace-Reply": "x"})

    assert asked[0].headers == {"traceparent": trace, "Headrace-Reply": "x"}


@pytest.mark.parametrize(
    "refusal",
    [
        Missing("no_parcel", "There is no such parcel."),
        Invalid("bad_parcel", "Two problems.", (Problem(pointer="/a", code="b", message="c"),)),
        TooMany("slow_down", "Too fast.", retry_after_seconds=2.5),
        Failed("internal_error", "Log id 1."),
    ],
)
async def test_a_refusal_is_raised_as_it_was_meant(bus: Bus, refusal: Refusal):
    await answering(bus, refusal.view().model_dump_json().encode(), {"Headrace-Refusal": refusal.code})

    with pytest.raises(type(refusal)) as raised:
        await bus.ask(FindParcel(caller=ANNE))

    assert raised.value.view() == refusal.view()


async def test_a_refusal_of_a_family_that_this_code_does_not_know_is_still_a_refusal():
    view = Missing("gone", "It was here.").view().model_copy(update={"status": 410})

    refusal = refusal_from(view)

    assert (type(refusal), refusal.code) == (Refusal, "gone")


async def test_nobody_there_is_said_at_once(bus: Bus):
    with pytest.raises(Unavailable) as raised:
        await asyncio.wait_for(bus.ask(FindParcel(caller=ANNE), timeout=30), 15)

    assert (raised.value.code, raised.value.retry_after_seconds) == ("no_responder", 1.0)


async def test_somebody_who_does_not_answer_is_waited_for_only_so_long(bus: Bus):
    async def silent(message: Msg) -> None: ...

    await bus.nc.subscribe(FindParcel.subject(bus.namespace), cb=silent)

    with pytest.raises(Unavailable, match=r"did not answer within 0\.1 s"):
        await bus.ask(FindParcel(caller=ANNE), timeout=0.1)


async def test_a_question_larger_than_the_bus_takes_is_refused(bus: Bus):
    with pytest.raises(TooLarge):
        await bus.ask(FindParcel(caller=ANNE, name="x" * bus.nc.max_payload))


async def test_no_server_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chassis.bus.CONNECT_SECONDS", 0.3)

    with pytest.raises(Unavailable, match="HEADRACE_NATS_URL"):
        await Bus.connect("nats://127.0.0.1:1", "t", "test")


async def test_a_stream_is_kept_with_the_larger_limits_that_somebody_gave_it(bus: Bus):
    made = (await bus.ensure_stream("post")).config
    await bus.js.update_stream(made.evolve(max_age=30 * 86_400, max_bytes=-1))

    kept = (await bus.ensure_stream("post")).config

    assert made.subjects == [f"{bus.namespace}.post.*.*"]
    assert (kept.max_age, kept.max_bytes) == (30 * 86_400, -1)


async def test_a_stream_with_smaller_limits_or_fewer_subjects_grows(bus: Bus):
    made = (await bus.ensure_work_stream()).config
    wake = f"{bus.namespace}.work.wake.*"
    await bus.js.update_stream(made.evolve(max_bytes=1_000_000, subjects=[wake]))

    grown = (await bus.ensure_work_stream()).config

    assert grown.max_bytes == made.max_bytes
    assert sorted(grown.subjects or ()) == sorted(made.subjects or ())


async def test_more_copies_than_a_lone_server_can_keep_are_refused_by_name(nats_url: str, namespace: str):
    bus = await Bus.connect(nats_url, namespace, "test", replicas=3)

    with pytest.raises(APIError, match="replicas > 1 not supported"):
        await bus.ensure_stream("post")
    await bus.close()


async def test_a_consumer_is_brought_to_its_configuration_but_keeps_its_start(bus: Bus):
    await bus.ensure_stream("post")
    stream = bus.stream("post")
    first = ConsumerConfig(name="c", ack_policy=AckPolicy.ALL, deliver_policy=DeliverPolicy.NEW, max_ack_pending=10)
    await bus.ensure_consumer(stream, first)

    changed = await bus.ensure_consumer(stream, first.evolve(deliver_policy=DeliverPolicy.ALL, max_ack_pending=77))

    assert changed.config.max_ack_pending == 77
    assert changed.config.deliver_policy == DeliverPolicy.NEW


async def test_an_answer_to_a_ping_that_nobody_waits_for_any_more_does_no_harm(bus: Bus):
    given_up = [asyncio.create_task(bus.nc.flush()) for _ in range(3)]
    await asyncio.sleep(0)
    for flush in given_up:
        flush.cancel()
    await asyncio.wait(given_up)

    await bus.nc.flush(timeout=2)
    await answering(bus, b"{}")

    assert await bus.ask(FindParcel(caller=ANNE)) == b"{}"

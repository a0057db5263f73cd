"""LangGraph's persistence on the event store: the published conformance suite, and what we promise beyond it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from chassis.event_store import PostgresEventStore
from chassis.ids import new_id
from chassis.ledger import EventStore
from contracts.checkpoint_events import CHECKPOINT_EVENTS
from execution.langgraph.saver import EventStoreSaver
from execution.langgraph.threads import thread_stream

TOPICS = [event.topic() for event in CHECKPOINT_EVENTS]


class Approval(TypedDict, total=False):
    """A letter, and whether it may go out."""

    letter: str
    approved: bool
    sent: int


def a_config(thread_id: str | None = None) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id or str(new_id()), "checkpoint_ns": ""}}


def an_approval(saver: BaseCheckpointSaver[str]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Write, wait for a person, send."""
    graph = StateGraph(Approval)
    graph.add_node("write", lambda _: {"letter": "Dear all"})
    graph.add_node("ask", lambda state: {"approved": interrupt(state["letter"])})
    graph.add_node("send", lambda state: {"sent": state.get("sent", 0) + 1})
    for source, target in [(START, "write"), ("write", "ask"), ("ask", "send"), ("send", END)]:
        graph.add_edge(source, target)
    return graph.compile(checkpointer=saver)


async def listed(saver: EventStoreSaver, config: RunnableConfig | None, **how: Any) -> list[CheckpointTuple]:
    return [found async for found in saver.alist(config, **how)]


async def facts(store: EventStore, config: RunnableConfig) -> list[str]:
    return [recorded.topic for recorded in await store.read(thread_stream(config["configurable"]["thread_id"]))]


async def test_the_published_conformance_suite_passes_in_full(store: PostgresEventStore) -> None:
    @checkpointer_test(name="EventStoreSaver")
    async def savers() -> AsyncIterator[EventStoreSaver]:
        yield EventStoreSaver(store)

    report = await validate(savers)

    results = report.to_dict()["results"]
    assert {name: result["failures"] for name, result in results.items() if result["failures"]} == {}
    assert sum(result["tests_skipped"] for result in results.values()) == 0
    assert (report.conformance_level(), len(results)) == ("FULL", 8)


async def test_a_graph_that_waits_goes_on_after_a_restart(store: PostgresEventStore) -> None:
    config = a_config()
    asked = await an_approval(EventStoreSaver(store)).ainvoke({}, config)
    assert [question.value for question in asked["__interrupt__"]] == ["Dear all"]

    answered = await an_approval(EventStoreSaver(store)).ainvoke(Command(resume=True), config)

    assert answered == {"letter": "Dear all", "approved": True, "sent": 1}


async def test_two_threads_do_not_mix_though_they_run_at_once_through_one_saver(store: PostgresEventStore) -> None:
    graph, one, other = an_approval(EventStoreSaver(store)), a_config(), a_config()
    await asyncio.gather(graph.ainvoke({"sent": 10}, one), graph.ainvoke({"sent": 20}, other))

    yes, no = await asyncio.gather(
        graph.ainvoke(Command(resume="yes"), one), graph.ainvoke(Command(resume="no"), other)
    )

    assert (yes["approved"], yes["sent"]) == ("yes", 11)
    assert (no["approved"], no["sent"]) == ("no", 21)


async def test_the_thread_of_an_instance_is_a_stream_beside_the_instances_own(store: PostgresEventStore) -> None:
    instance_id = new_id()
    await an_approval(EventStoreSaver(store)).ainvoke({}, a_config(str(instance_id)))

    assert await store.read(instance_id) == []
    recorded = (await store.read(thread_stream(str(instance_id))))[0]
    assert str(instance_id).encode() in (recorded.metadata or b"")


async def test_what_is_said_twice_is_recorded_once(store: PostgresEventStore) -> None:
    checkpoint, config = empty_checkpoint(), a_config()
    saver, restarted = EventStoreSaver(store), EventStoreSaver(store)
    for again in (saver, saver, restarted):
        place = await again.aput(config, checkpoint, {"source": "input", "step": -1}, {})
        await again.aput_writes(place, [("letter", "Dear all"), ("sent", 1)], "task")
        await again.aput_writes(place, [("letter", "Dear none"), ("sent", 2)], "task")

    assert await facts(store, config) == ["CheckpointSaved", "CheckpointWritesSaved"]
    found = await saver.aget_tuple(place)
    assert found is not None
    assert found.pending_writes == [("task", "letter", "Dear all"), ("task", "sent", 1)]


async def test_writers_in_several_processes_lose_nothing(store: PostgresEventStore) -> None:
    config, savers = a_config(), [EventStoreSaver(store) for _ in range(3)]
    place = await savers[0].aput(config, empty_checkpoint(), {"source": "input", "step": -1}, {})

    tasks = [f"task {number}" for number in range(12)]
    await asyncio.gather(
        *(savers[number % 3].aput_writes(place, [("sent", number)], task) for number, task in enumerate(tasks))
    )

    found = await savers[0].aget_tuple(place)
    assert found is not None
    assert sorted(found.pending_writes or [], key=lambda write: write[2]) == [
        (task, "sent", number) for number, task in enumerate(tasks)
    ]


async def test_a_checkpoint_says_what_changed_and_not_the_whole_state_again(store: PostgresEventStore) -> None:
    channels = {f"channel {number}": "x" * 1_000 for number in range(50)}
    graph = StateGraph(TypedDict("Wide", dict.fromkeys([*channels, "count"], Any)))
    graph.add_node("count", lambda state: {"count": state["count"] + 1})
    graph.add_edge(START, "count")
    graph.add_conditional_edges("count", lambda state: "count" if state["count"] < 10 else END)
    config = a_config()

    ended = await graph.compile(checkpointer=EventStoreSaver(store)).ainvoke({**channels, "count": 0}, config)

    assert ended == {**channels, "count": 10}
    recorded = await store.read(thread_stream(config["configurable"]["thread_id"]))
    saved = [len(fact.state) for fact in recorded if fact.topic == "CheckpointSaved"]
    assert max(saved) > 50_000
    assert max(saved[2:]) < 1_500


async def test_branches_that_leave_one_checkpoint_keep_their_own_values(store: PostgresEventStore) -> None:
    graph, config = an_approval(EventStoreSaver(store)), a_config()
    await graph.ainvoke({}, config)
    asked = (await graph.aget_state(config)).config

    branches = [await graph.aupdate_state(asked, {"letter": letter}) for letter in ("Dear one", "Dear other")]

    letters = [(await graph.aget_state(place)).values["letter"] for place in (asked, *branches)]
    assert letters == ["Dear all", "Dear one", "Dear other"]


async def test_a_copy_goes_on_by_itself(store: PostgresEventStore) -> None:
    saver, config, copied = EventStoreSaver(store), a_config(), a_config()
    graph = an_approval(saver)
    await graph.ainvoke({}, config)
    await saver.adelete_thread(config["configurable"]["thread_id"])
    await graph.ainvoke({}, config)

    await saver.acopy_thread(config["configurable"]["thread_id"], copied["configurable"]["thread_id"])
    answered = await an_approval(EventStoreSaver(store)).ainvoke(Command(resume=True), copied)

    assert answered["sent"] == 1
    assert "sent" not in (await graph.aget_state(config)).values


async def test_channels_that_are_kept_as_deltas_survive_pruning(store: PostgresEventStore) -> None:
    def extended(so_far: list[int], new: list[list[int]]) -> list[int]:
        return [*so_far, *(number for numbers in new for number in numbers)]

    graph = StateGraph(TypedDict("Counted", {"seen": Annotated[list[int], DeltaChannel(extended)]}))
    graph.add_node("count", lambda state: {"seen": [len(state["seen"])]})
    graph.add_edge(START, "count")
    graph.add_conditional_edges("count", lambda state: "count" if len(state["seen"]) < 5 else END)
    saver, config = EventStoreSaver(store), a_config()
    compiled = graph.compile(checkpointer=saver)
    await compiled.ainvoke({"seen": []}, config)

    await saver.aprune([config["configurable"]["thread_id"]])

    assert len(await listed(saver, config)) == 1
    assert (await compiled.aget_state(config)).values == {"seen": [0, 1, 2, 3, 4]}


async def test_all_threads_can_be_looked_through(store: PostgresEventStore) -> None:
    saver, configs = EventStoreSaver(store), [a_config() for _ in range(3)]
    for step, config in enumerate(configs):
        await saver.aput(config, empty_checkpoint(), {"source": "input", "step": step}, {})

    found = await listed(saver, None)

    assert [each.metadata["step"] for each in found] == [0, 1, 2]
    assert len(await listed(saver, None, filter={"step": 1})) == 1
    assert len(await listed(saver, None, limit=2)) == 2


async def test_a_word_for_pruning_that_nobody_knows_is_refused(store: PostgresEventStore) -> None:
    with pytest.raises(ValueError, match="'sometimes' is no way to prune; say 'keep_latest' or 'delete'"):
        await EventStoreSaver(store).aprune(["any"], strategy="sometimes")

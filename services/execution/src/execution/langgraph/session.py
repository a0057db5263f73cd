"""One run at work in LangGraph: the StateGraph runs beside the turns, asks, and hears what is recorded."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError, InvalidUpdateError
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from chassis.logs import get_logger
from contracts.execution import RunError
from contracts.instance_events import InstanceEvent
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.visits import Visit
from execution.driving.records import Records
from execution.langgraph.conductor import Conductor
from execution.langgraph.saver import EventStoreSaver
from execution.langgraph.standing import standing_of
from execution.langgraph.stategraph import Context, state_graph_of
from execution.langgraph.tracing import untraced

TRY_AGAIN_SECONDS = 1.0
"""After LangGraph's thread could not be read or written."""
REST_SECONDS = 2.0
"""What LangGraph gets to write down that it is interrupted; without that it finds its way by the instance's facts."""
NO_LIMIT = 1_000_000_000
"""Steps of LangGraph; how often a node may be visited is for the blueprint to say."""

App = CompiledStateGraph[Any, Any, Any, Any]

log = get_logger(__name__)


class LangGraphSession:
    """The `langgraph` executor of one run."""

    def __init__(self, instance: Instance, graph: CompiledGraph, records: Records, tell: Callable[[], None]) -> None:
        """Begins at once; everything in `instance` is committed. `tell` is called when there may be news."""
        self.conductor = Conductor(standing_of(instance), tell)
        self.instance_id = instance.id
        self.records = records
        self.saver = EventStoreSaver(records.store)
        self.task = asyncio.create_task(self.run(graph))

    @property
    def fault(self) -> RunError | None:
        """Why the run cannot go on, if it cannot."""
        return self.conductor.fault

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """Of what is ready, what LangGraph has asked for."""
        return self.conductor.choose(ready, in_flight, limit)

    def expects(self, ready: Collection[Visit]) -> bool:
        """Whether LangGraph has yet to ask for something that is ready."""
        return self.conductor.expects(ready)

    def objection(self, visits: Mapping[str, int]) -> RunError | None:
        """What speaks against the end of the run: a visit that LangGraph asks for and that never became ready."""
        return self.conductor.objection(visits)

    def hear(self, events: Iterable[InstanceEvent], instance: Instance) -> None:
        """These facts are recorded, and the instance stands as they say."""
        self.conductor.learn(events)
        self.conductor.stand(standing_of(instance))

    async def rest(self) -> None:
        """Interrupt LangGraph wherever it waits, and let it write that down."""
        self.conductor.rest()
        _, late = await asyncio.wait([self.task], timeout=REST_SECONDS)
        if late:
            log.warning("langgraph.rests_late")

    def stop(self) -> None:
        """Let go at once; what LangGraph has not written is found again by the facts."""
        self.conductor.stop()
        self.task.cancel()

    async def run(self, graph: CompiledGraph) -> None:
        """Run the StateGraph until it ends or is interrupted, however often its thread cannot be reached."""
        try:
            compiled = await asyncio.to_thread(state_graph_of, graph)
        except Exception as error:
            log.exception("langgraph.not_compiled")
            self.conductor.object(f"LangGraph cannot run this graph: {error}")
            return
        app = compiled.copy({"checkpointer": self.saver})
        while True:
            try:
                await self.invoke(app)
            except (GraphRecursionError, InvalidUpdateError) as error:
                self.conductor.object(f"LangGraph cannot go on: {error}")
            except Exception:
                log.exception("langgraph.broke_off")
                await asyncio.sleep(TRY_AGAIN_SECONDS)
                continue
            return

    async def invoke(self, app: App) -> None:
        """Take the thread up where it is."""
        self.conductor.learn(await self.records.history(self.instance_id))
        config: RunnableConfig = {
            "configurable": {"thread_id": str(self.instance_id)},
            "recursion_limit": NO_LIMIT,
        }
        with untraced():
            given = await self.where_to_begin(app, config)
            await app.ainvoke(given, config, context=Context(self.conductor))
        self.conductor.ended()

    async def where_to_begin(self, app: App, config: RunnableConfig) -> Any:
        """What LangGraph is given: nothing new after a crash, an answer to its interrupts after a rest.

        A thread that came to its end while the instance did not (it failed there, and is tried again) is begun anew;
        visits that are over answer at once.
        """
        state = await app.aget_state(config)
        if state.interrupts:
            return Command(resume={interrupted.id: True for interrupted in state.interrupts})
        if state.next:
            return None
        if state.created_at is not None:
            await self.saver.adelete_thread(str(self.instance_id))
        return {}

"""One run on the core with LangGraph at work beside it; time is virtual, LangGraph is not."""

import asyncio
from collections.abc import Callable
from typing import Any

from chassis.memory import MemoryEventStore
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.domain.decisions.advancing import advance, conclude
from execution.domain.turn import Turn
from execution.driving.records import Records
from execution.driving.sessions import open_session
from execution.executors.strategy import Session
from tests.patterns.pure_run import PureRun

PATIENCE_SECONDS = 20.0


class ConductedRun(PureRun):
    """A run that LangGraph schedules; instances that it starts are not."""

    def __init__(self, graph: WorkflowGraph, config: BlueprintConfig, input: Any) -> None:
        """Accepted; nothing begins before LangGraph asks for it."""
        self.session: Session | None = None
        self.news = asyncio.Event()
        super().__init__(graph, input, config.model_copy(update={"executor": "langgraph"}))
        self.session = open_session(self.instance, Records(MemoryEventStore()), self.news.set)

    def _turn(self, act: Callable[[Turn], Any]) -> None:
        while True:
            turn = Turn(self.instance, self.now, self.session)
            act(turn)
            advance(turn)
            if not turn.is_full:
                conclude(turn)
            self.facts += turn.events
            if self.session is not None:
                self.session.hear(turn.events, self.instance)
            if not turn.is_full:
                return
            act = nothing

    async def asked(self) -> None:
        """Until LangGraph has asked for all that is ready."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.instance.ended and self.session is not None:
                if self.news.is_set():
                    self.news.clear()
                    self.turn()
                elif self.session.expects(self.instance.ready):
                    await self.news.wait()
                else:
                    return

    async def conducted(self, outside: Callable[[PureRun], bool]) -> None:
        """Go on to the end, as `live` does."""
        await self.asked()
        while not self.instance.ended:
            if self.instance.running:
                self.end(next(iter(self.instance.running)))
            elif not outside(self) and not self.wait():
                raise AssertionError(f"The run rests for ever at {[str(visit) for visit, _ in self.instance.live()]}.")
            await self.asked()
        if self.session is not None:
            await self.session.rest()
            self.session.stop()


def nothing(turn: Turn) -> None:
    """Nothing happens."""

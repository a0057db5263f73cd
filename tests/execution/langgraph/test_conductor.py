"""What LangGraph's node functions are told, question by question."""

import asyncio

from contracts import instance_events as facts
from execution.domain.visits import Visit
from execution.langgraph.conductor import Again, Conductor, Done, Gone, Passes, Rest
from execution.langgraph.standing import Opening, Standing
from tests.support.story import NOON

A, B = Visit("a", 1), Visit("b", 1)
EACH = Visit("each", 1)
INSIDE = Visit("x", 1, "each:1:1:0")


def completed(visit: Visit, *taken: int) -> facts.NodeCompleted:
    """The visit is over."""
    place = {"originator_id": "6c0b1a4e-5a0e-4b57-a2c9-0d6a6a0a2c11", "originator_version": 1, "timestamp": NOON}
    at = {"node_id": visit.node_id, "visit": visit.number, "scope": visit.scope, "attempt": 1}
    told = {"node_type": "tool", "output": None, "taken": taken, "duration_ms": 1.0}
    return facts.NodeCompleted.model_validate(place | at | told)


class Asking:
    """A conductor, and node functions that wait for it."""

    def __init__(self, standing: Standing) -> None:
        self.news = 0
        self.conductor = Conductor(standing, self.tell)

    def tell(self) -> None:
        self.news += 1

    async def ask(self, visit: Visit) -> "asyncio.Task[object]":
        """A node function begins to wait."""
        task = asyncio.create_task(self.conductor.outcome(visit))
        await asyncio.sleep(0)
        return task


async def test_what_is_ready_begins_when_it_is_asked_for() -> None:
    asking = Asking(Standing(ready=(A, B), scopes=frozenset({""})))
    assert asking.conductor.choose((A, B), 0, 64) == ()
    await asking.ask(A)
    assert asking.news == 1
    assert asking.conductor.choose((A, B), 0, 64) == (A,)
    assert asking.conductor.choose((A, B), 64, 64) == ()
    assert asking.conductor.expects((A, B))
    asking.conductor.stop()


async def test_an_outcome_is_told_once_it_is_recorded_and_to_whoever_asks_later_at_once() -> None:
    asking = Asking(Standing(ready=(A,), scopes=frozenset({""})))
    waiting = await asking.ask(A)
    asking.conductor.learn([completed(A, 3)])
    asking.conductor.stand(Standing(scopes=frozenset({""})))
    assert await waiting == Done((3,))
    assert await asking.conductor.outcome(A) == Done((3,))


async def test_who_waits_makes_room_for_what_is_ready_and_not_asked_for() -> None:
    asking = Asking(Standing(scopes=frozenset({""})))
    waiting = await asking.ask(A)
    asking.conductor.stand(Standing(ready=(B,), scopes=frozenset({""})))
    assert await asyncio.wait_for(waiting, 5) == Again()
    asking.conductor.stop()


async def test_a_pass_that_holds_up_the_graph_around_it_is_left_and_gone_through_again() -> None:
    opening = Opening(attempt=1, live=(0,), begun=1, count=1)
    body = {"scopes": frozenset({"", INSIDE.scope}), "openings": {EACH: opening}}
    asking = Asking(Standing(**body))
    waiting = await asking.ask(INSIDE)
    asking.conductor.stand(Standing(ready=(B,), **body))
    assert await asyncio.wait_for(waiting, 5) == Gone()
    assert await asking.conductor.outcome(EACH) == Passes((INSIDE.scope,))
    again = await asking.ask(INSIDE)
    assert not again.done()
    asking.conductor.stop()


async def test_what_goes_on_in_a_frame_that_is_closed_is_gone_unless_a_retry_may_open_it_again() -> None:
    open_frames = frozenset({"", INSIDE.scope})
    asking = Asking(Standing(scopes=open_frames))
    waiting = await asking.ask(INSIDE)
    asking.conductor.stand(Standing(scopes=frozenset({""}), goes_on=False))
    await asyncio.sleep(0)
    assert not waiting.done()
    asking.conductor.stand(Standing(scopes=frozenset({""})))
    assert await waiting == Gone()


async def test_a_run_that_rests_interrupts_whoever_waits_with_what_is_waited_for() -> None:
    asking = Asking(Standing(scopes=frozenset({""}), waits={A: ("signal go",)}))
    waiting = await asking.ask(A)
    asking.conductor.rest()
    assert await waiting == Rest(("signal go",))

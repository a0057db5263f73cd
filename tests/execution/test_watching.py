"""How long an attempt may take, and how long it may be silent: it is told to stop, then it is stopped."""

import asyncio
import threading
from time import monotonic
from typing import Any

import pytest

from execution.driving import watching
from execution.driving.watching import HARD_CANCEL_SECONDS, Bounds, within
from execution.nodes.action import NodeCall, NodeFailure
from execution.nodes.addresses import AddressRules
from execution.nodes.http import HttpAction
from execution.nodes.tool import ToolAction
from execution.tools import ToolContext, Tools
from tests.support.node_calls import node_call
from tests.support.web_server import Reply, web_server

SOON = 0.1
"""Seconds."""


async def failure_within(bounds: Bounds, call: NodeCall, work: Any) -> NodeFailure:
    """How the attempt fails."""
    with pytest.raises(NodeFailure) as failed:
        await within(bounds, call, work)
    return failed.value


class TestATimeout:
    async def test_is_told_to_the_node_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "HARD_CANCEL_SECONDS", 60.0)
        call = node_call({})

        async def listens() -> str:
            await call.cancellation.wait()
            return "too late"

        began = monotonic()
        failure = await asyncio.wait_for(failure_within(Bounds(timeout_seconds=SOON), call, listens()), 30)

        assert (failure.type, failure.code) == ("timeout", "node_timeout")
        assert "0.1 s" in failure.message
        assert monotonic() - began >= SOON

    async def test_stops_what_does_not_listen_a_little_later(self) -> None:
        stopped = asyncio.Event()

        async def deaf() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        began = monotonic()
        failure = await failure_within(Bounds(timeout_seconds=SOON), node_call({}), deaf())

        assert failure.code == "node_timeout"
        assert stopped.is_set()
        assert monotonic() - began >= SOON + HARD_CANCEL_SECONDS

    async def test_leaves_a_plain_function_behind_and_forgets_what_it_answers(self) -> None:
        go_on, done = threading.Event(), threading.Event()

        def stubborn(_: dict[str, Any], __: ToolContext) -> str:
            go_on.wait(10)
            done.set()
            return "nobody wants it"

        call = node_call({"name": "stubborn"})
        action = ToolAction(Tools({"stubborn": stubborn}))
        failure = await failure_within(Bounds(timeout_seconds=SOON), call, action.run(call))
        assert failure.code == "node_timeout"
        assert not done.is_set()
        go_on.set()
        await asyncio.to_thread(done.wait, 10)

    async def test_does_not_touch_who_is_in_time(self) -> None:
        async def quick() -> str:
            return "done"

        call = node_call({})
        assert await within(Bounds(timeout_seconds=5, heartbeat_seconds=5), call, quick()) == "done"
        assert not call.cancellation.cancelled

    async def test_lets_a_failure_through_as_it_is(self) -> None:
        async def fails() -> None:
            raise NodeFailure("permanent", "no", "No.")

        assert (await failure_within(Bounds(timeout_seconds=5), node_call({}), fails())).code == "no"


class TestAHeartbeat:
    async def test_that_stays_out_for_too_long_ends_the_attempt(self) -> None:
        call = node_call({})
        failure = await failure_within(Bounds(heartbeat_seconds=SOON), call, call.cancellation.wait())
        assert (failure.type, failure.code) == ("timeout", "heartbeat_timeout")
        assert "heartbeat_seconds" in failure.message

    async def test_keeps_long_work_alive(self) -> None:
        call = node_call({})

        async def works() -> str:
            for _ in range(12):
                await asyncio.sleep(SOON)
                call.heartbeat()
            return "done"

        assert await within(Bounds(heartbeat_seconds=10 * SOON), call, works()) == "done"

    async def test_may_come_from_a_tools_thread(self) -> None:
        def works(arguments: dict[str, Any], context: ToolContext) -> str:
            for _ in range(12):
                threading.Event().wait(SOON)
                context.heartbeat()
            return "done"

        call = node_call({"name": "works"})
        result = await within(Bounds(heartbeat_seconds=10 * SOON), call, ToolAction(Tools({"works": works})).run(call))
        assert result.output == "done"

    async def test_does_not_lengthen_the_timeout(self) -> None:
        call = node_call({})

        async def babbles() -> None:
            while not call.cancellation.cancelled:
                await asyncio.sleep(SOON / 10)
                call.heartbeat()

        failure = await failure_within(Bounds(2 * SOON, SOON), call, babbles())
        assert failure.code == "node_timeout"

    async def test_is_every_piece_of_an_http_answer(self) -> None:
        async with web_server(Reply(200, {}, (b"one", b"two"), delay_seconds=2 * SOON)) as server:
            call, action = node_call({"url": server.url}), HttpAction(AddressRules.of("127.0.0.1"))
            began = call.pulse.last
            await action.run(call)
            await action.close()
        assert call.pulse.last - began >= 2 * SOON

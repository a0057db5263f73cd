"""`tool` nodes: call a registered Python function, and say how it failed."""

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from execution.nodes.action import Cancellation
from execution.nodes.tool import ToolAction
from execution.tools import BadTools, ToolContext, ToolError, Tools
from tests.support.node_calls import INSTANCE, failure_of, node_call

Arguments = dict[str, Any]


def action(**functions: Any) -> ToolAction:
    return ToolAction(Tools(functions))


class TestATool:
    async def test_returns_the_output(self) -> None:
        async def double(arguments: Arguments, _: ToolContext) -> int:
            return int(arguments["n"]) * 2

        result = await action(double=double).run(node_call({"name": "double", "arguments": {"n": 21}}))
        assert (result.output, result.tool_calls) == (42, 1)

    async def test_knows_which_attempt_it_runs_in(self) -> None:
        def tell(_: Arguments, context: ToolContext) -> list[Any]:
            return [context.instance_id, context.node_id, context.attempt, context.idempotency_key, context.cancelled]

        told = (await action(tell=tell).run(node_call({"name": "tell"}, attempt=2))).output
        assert told == [INSTANCE, "work", 2, "key-1", False]

    async def test_that_is_a_plain_function_runs_in_a_thread_within_the_task_s_context(self) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="lost")
        variable.set("kept")

        def where(_: Arguments, __: ToolContext) -> tuple[bool, str]:
            return threading.current_thread() is threading.main_thread(), variable.get()

        tools = action(where=where)
        assert (await tools.run(node_call({"name": "where"}))).output == (False, "kept")
        await tools.close()

    async def test_may_change_its_arguments_without_changing_the_run(self) -> None:
        async def spoil(arguments: Arguments, _: ToolContext) -> None:
            arguments["list"].append(1)
            arguments["new"] = True

        state: Arguments = {"list": []}
        await action(spoil=spoil).run(node_call({"name": "spoil", "arguments": state}))
        assert state == {"list": []}

    async def test_hears_of_a_cancellation_in_its_thread(self) -> None:
        started = threading.Event()

        def patient(_: Arguments, context: ToolContext) -> str:
            started.set()
            while not context.cancelled:
                threading.Event().wait(0.005)
            return "stopped"

        cancellation = Cancellation()
        running = asyncio.create_task(
            action(patient=patient).run(node_call({"name": "patient"}, cancellation=cancellation))
        )
        await asyncio.to_thread(started.wait)
        cancellation.cancel()
        assert (await running).output == "stopped"

    async def test_that_is_broken_off_is_told_so(self) -> None:
        heard = threading.Event()

        def stubborn(_: Arguments, context: ToolContext) -> None:
            while not context.cancelled:
                threading.Event().wait(0.005)
            heard.set()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await action(stubborn=stubborn).run(node_call({"name": "stubborn"}))
        assert await asyncio.to_thread(heard.wait, 5)


class TestAFailure:
    @pytest.mark.parametrize(
        ("error", "kind", "code", "sentence"),
        [
            (ToolError("no stock", "transient", "sold_out", 30.0), "transient", "sold_out", "no stock"),
            (ToolError("no"), "permanent", "tool_failed", "no"),
            (ValueError("bad"), "permanent", "tool_raised", "Tool 'go' raised ValueError: bad"),
            (KeyError("x"), "permanent", "tool_raised", "Tool 'go' raised KeyError: 'x'"),
            (ConnectionResetError("gone"), "transient", "tool_raised", "Tool 'go' raised ConnectionResetError: gone"),
            (TimeoutError(), "transient", "tool_raised", "Tool 'go' raised TimeoutError: "),
            (FileNotFoundError("f"), "permanent", "tool_raised", "Tool 'go' raised FileNotFoundError: f"),
            (SystemExit(3), "permanent", "tool_raised", "Tool 'go' raised SystemExit: 3"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
    )
    @pytest.mark.parametrize("plain", [True, False], ids=["plain", "async"])
    async def test_is_what_the_tool_raised(
        self, error: BaseException, kind: str, code: str, sentence: str, plain: bool
    ) -> None:
        def go(_: Arguments, __: ToolContext) -> None:
            raise error

        async def go_async(_: Arguments, __: ToolContext) -> None:
            raise error

        failed = await failure_of(action(go=go if plain else go_async), node_call({"name": "go"}))
        assert (failed.type, failed.code, failed.message) == (kind, code, sentence)
        assert failed.retry_after_seconds == getattr(error, "retry_after_seconds", None)

    async def test_may_say_anything_without_harm(self) -> None:
        async def go(_: Arguments, __: ToolContext) -> None:
            raise ValueError("nul \0, half a pair \ud800, " + "x" * 10_000)

        message = (await failure_of(action(go=go), node_call({"name": "go"}))).message
        assert message.startswith("Tool 'go' raised ValueError: nul \ufffd, half a pair ?, xxx")
        assert len(message) == 4_000

    async def test_of_a_type_that_there_is_not_is_the_tool_s_mistake(self) -> None:
        async def go(_: Arguments, __: ToolContext) -> None:
            raise ToolError("x", "sometimes")  # type: ignore[arg-type] # the mistake that is tested

        failed = await failure_of(action(go=go), node_call({"name": "go"}))
        assert (failed.type, failed.code) == ("permanent", "tool_raised")
        assert "must be one of transient, permanent" in failed.message

    async def test_of_an_unknown_tool_names_the_known_ones(self) -> None:
        failed = await failure_of(ToolAction(Tools({"a": print, "b": print})), node_call({"name": "c"}))
        assert (failed.type, failed.code) == ("permanent", "unknown_tool")
        assert failed.message == "There is no tool 'c' on this worker; known are a, b."

    async def test_of_arguments_that_are_no_object_is_permanent(self) -> None:
        failed = await failure_of(action(a=print), node_call({"name": "a", "arguments": [1]}))
        assert (failed.type, failed.code) == ("permanent", "bad_arguments")


def test_a_function_that_does_not_take_arguments_and_context_is_no_tool() -> None:
    with pytest.raises(BadTools, match=r"Tool 'f' must take \(arguments, context\): missing a required argument"):
        Tools({"f": lambda only, arguments, context: None})

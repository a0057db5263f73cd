"""Where tools come from: built in, and a file of the deployment's own."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from execution.nodes.action import Cancellation, NodeFailure
from execution.nodes.tool import ToolAction
from execution.tool_sources import load_tools
from execution.tools import BadTools
from tests.support.node_calls import failure_of, node_call

FILE = """
from os.path import join
import execution.tools as t

def greet(arguments, context):
    return "Hello " + arguments["name"]

async def refuse(arguments, context):
    raise t.ToolError("closed", "transient", "closed")

def _private(arguments, context): ...

not_a_function = 1
"""


async def run(name: str, arguments: dict[str, Any], production: bool = False, **members: Any) -> Any:
    tools = ToolAction(load_tools(production=production))
    call = node_call({"name": name, "arguments": arguments}, **members)
    return (await tools.run(call)).output


class TestAFile:
    async def test_brings_the_public_functions_that_it_defines(self, tmp_path: Path) -> None:
        file = tmp_path / "shop.py"
        file.write_text(FILE)
        tools = load_tools(file)
        assert set(tools.names) - set(load_tools().names) == {"greet", "refuse"}
        shop = ToolAction(tools)
        greeted = await shop.run(node_call({"name": "greet", "arguments": {"name": "Ada"}}))
        assert greeted.output == "Hello Ada"
        assert (await failure_of(shop, node_call({"name": "refuse"}))).code == "closed"

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("def echo(arguments, context): ...", "Two tools are called 'echo'"),
            ("def f(): ...", r"Tool 'f' must take \(arguments, context\)"),
            ("1 / 0", "cannot be loaded: ZeroDivisionError"),
            ("def", "cannot be loaded: SyntaxError"),
            (None, "is not a Python file"),
        ],
    )
    def test_that_cannot_be_used_is_refused_at_the_start(self, tmp_path: Path, text: str | None, sentence: str) -> None:
        file = tmp_path / "shop.py"
        if text is not None:
            file.write_text(text)
        with pytest.raises(BadTools, match=sentence):
            load_tools(file)


class TestEcho:
    async def test_returns_its_arguments(self) -> None:
        assert await run("echo", {"a": [1, {"b": None}]}) == {"a": [1, {"b": None}]}


class TestSleep:
    async def test_waits(self) -> None:
        assert await run("sleep", {"seconds": 0.01}) == {"seconds": 0.01}

    async def test_ends_early_when_the_run_is_cancelled(self) -> None:
        cancellation = Cancellation()
        asyncio.get_running_loop().call_later(0.01, cancellation.cancel)
        with pytest.raises(NodeFailure) as failed:
            await run("sleep", {"seconds": 60}, cancellation=cancellation)
        assert failed.value.type == "cancelled"

    @pytest.mark.parametrize("seconds", [-1, "1", None, True, 1e12])
    async def test_wants_a_number_of_seconds(self, seconds: object) -> None:
        with pytest.raises(NodeFailure, match="`seconds` must be a number from 0 to"):
            await run("sleep", {"seconds": seconds})


class TestFail:
    async def test_fails_the_first_attempts_as_told(self) -> None:
        arguments = {"error_type": "transient", "message": "not yet", "times": 2}
        for attempt in (1, 2):
            with pytest.raises(NodeFailure, match="not yet") as failed:
                await run("fail", arguments, attempt=attempt)
            assert failed.value.type == "transient"
        assert await run("fail", arguments, attempt=3) == {"attempt": 3}

    async def test_fails_for_good_unless_told_how_often(self) -> None:
        with pytest.raises(NodeFailure) as failed:
            await run("fail", {}, attempt=99)
        assert (failed.value.type, failed.value.code) == ("permanent", "failed_on_purpose")

    @pytest.mark.parametrize("arguments", [{"error_type": "odd"}, {"times": "two"}])
    async def test_wants_arguments_that_it_knows(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(NodeFailure) as failed:
            await run("fail", arguments)
        assert failed.value.code == "bad_arguments"


class TestAppendLine:
    async def test_writes_one_line_for_each_idempotency_key(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "lines.txt"
        for key in ("a", "b", "a", "c", "b", "c"):
            await run("append_line", {"path": str(path), "text": f"line {key}"}, idempotency_key=key)
        assert path.read_text() == "line a\nline b\nline c\n"

    async def test_writes_whole_lines_from_many_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.txt"
        calls = [run("append_line", {"path": str(path), "text": n}, idempotency_key=f"k{n % 50}") for n in range(50)]
        await asyncio.gather(*calls, *[run("append_line", {"path": str(path), "text": 7}, idempotency_key="k7")])
        assert sorted(map(int, path.read_text().split())) == list(range(50))

    async def test_writes_the_line_that_a_crash_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.txt"
        intents = tmp_path / "lines.txt.keys"
        intents.write_text("0 crashed\n")
        await run("append_line", {"path": str(path), "text": "same"}, idempotency_key="other")
        await run("append_line", {"path": str(path), "text": "same"}, idempotency_key="crashed")
        await run("append_line", {"path": str(path), "text": "same"}, idempotency_key="crashed")
        assert path.read_text() == "same\nsame\n"

    @pytest.mark.parametrize("arguments", [{}, {"path": "x"}, {"path": "x", "text": "a\nb"}, {"path": 1, "text": "a"}])
    async def test_wants_a_path_and_one_line(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(NodeFailure, match="append_line needs `path` and `text`"):
            await run("append_line", arguments)

    async def test_is_refused_in_production(self, tmp_path: Path) -> None:
        with pytest.raises(NodeFailure) as failed:
            await run("append_line", {"path": str(tmp_path / "x"), "text": "a"}, production=True)
        assert failed.value.code == "refused_in_production"
        assert not (tmp_path / "x").exists()

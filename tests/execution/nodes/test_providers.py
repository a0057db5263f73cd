"""The OpenAI and the Anthropic protocol, spoken with a server in this process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from execution.nodes.action import Pulse
from execution.nodes.model import ModelAction
from execution.providers import Providers
from tests.support.model_replies import anthropic_stream, openai_call, openai_stream, text_block, tool_block
from tests.support.node_calls import TRACEPARENT, failure_of, node_call
from tests.support.web_server import Asked, Reply, WebServer, web_server

NAMES = {"openai": "HEADRACE_OPENAI", "anthropic": "HEADRACE_ANTHROPIC"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
WEATHER = {
    "name": "weather",
    "description": "The weather.",
    "parameters": {"type": "object", "properties": {"city": {}}},
}


class Counted(Pulse):
    """Counts the signs of life."""

    beats = 0

    def beat(self) -> None:
        """One more."""
        self.beats += 1


@asynccontextmanager
async def speaking(provider: str, *replies: Reply) -> AsyncIterator[tuple[ModelAction, WebServer]]:
    """The provider, whose server answers so."""
    async with web_server(*replies) as server:
        suffix = "/v1" if provider == "openai" else ""
        environment = {f"{NAMES[provider]}_BASE_URL": server.url + suffix, f"{NAMES[provider]}_API_KEY": "secret"}
        environment[f"{NAMES[provider]}_MODEL"] = "default-model"
        action = ModelAction(Providers.from_environment(environment))
        yield action, server
        await action.close()


async def asked_of(provider: str, config: dict[str, Any], reply: Reply) -> Asked:
    """The request that the configuration makes."""
    async with speaking(provider, reply) as (action, server):
        await action.run(node_call(config, traceparent=TRACEPARENT))
    return server.asked[0]


def said(provider: str) -> Reply:
    """Two words of text."""
    if provider == "openai":
        return openai_stream({"role": "assistant", "content": ""}, {"content": "Hello "}, {"content": "there"})
    return anthropic_stream(text_block("Hello ", "there"))


def called(provider: str) -> Reply:
    """A text, and two tool calls in pieces."""
    if provider == "openai":
        first = openai_call(0, '{"city": ', "call_1", "weather"), openai_call(0, '"Oslo"}')
        return openai_stream(
            {"content": "Let me see."}, *first, openai_call(1, "", "call_2", "now"), finish="tool_calls"
        )
    calls = tool_block("call_1", "weather", '{"city": ', '"Oslo"}'), tool_block("call_2", "now")
    return anthropic_stream(text_block("Let me see."), *calls, stop="tool_use")


def cut_short(provider: str) -> Reply:
    """A stream that ends in the middle of the answer."""
    if provider == "openai":
        return openai_stream({"content": "Hel"}, finish=None)
    return anthropic_stream(text_block("Hel"), stop=None)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
class TestAnAnswer:
    async def test_is_streamed_and_counted(self, provider: str) -> None:
        heard: list[str] = []
        model = "gpt-4o-mini" if provider == "openai" else "claude-haiku-4-5-20251001"
        async with speaking(provider, said(provider)) as (action, _):
            result = await action.run(node_call({"prompt": "Hi", "model": model}, on_token=heard.append))
        cost = (9 * 0.15 + 4 * 0.6) / 1e6 if provider == "openai" else (9 * 1 + 4 * 5) / 1e6
        assert heard == ["Hello ", "there"]
        assert result.output == {
            "text": "Hello there",
            "tool_calls": [],
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 9, "completion_tokens": 4},
            "cost": pytest.approx(cost),
        }
        assert (result.prompt_tokens, result.completion_tokens) == (9, 4)
        assert float(result.cost) == pytest.approx(cost)

    async def test_may_ask_for_tools(self, provider: str) -> None:
        async with speaking(provider, called(provider)) as (action, _):
            output = (await action.run(node_call({"prompt": "Weather?", "tools": [WEATHER]}))).output
        assert (output["text"], output["finish_reason"]) == ("Let me see.", "tool_calls")
        assert output["tool_calls"] == [
            {"id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}},
            {"id": "call_2", "name": "now", "arguments": {}},
        ]

    async def test_gives_a_sign_of_life_with_every_piece(self, provider: str) -> None:
        async with speaking(provider, called(provider)) as (action, _):
            call = node_call({"prompt": "Weather?", "tools": [WEATHER]}, pulse=Counted())
            await action.run(call)
        assert isinstance(call.pulse, Counted)
        assert call.pulse.beats >= 5

    async def test_that_breaks_off_is_a_transient_failure(self, provider: str) -> None:
        async with speaking(provider, cut_short(provider)) as (action, _):
            failed = await failure_of(action, node_call({"prompt": "Hi"}))
        assert (failed.type, failed.code) == ("transient", "model_broke_off")

    async def test_whose_connection_breaks_is_a_transient_failure(self, provider: str) -> None:
        async with speaking(provider, Reply.of_events("data: {", broken=True)) as (action, _):
            assert (await failure_of(action, node_call({"prompt": "Hi"}))).type == "transient"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
class TestARefusal:
    @pytest.mark.parametrize(
        ("status", "kind", "code"),
        [
            (400, "permanent", "model_refused"),
            (401, "permanent", "model_refused"),
            (404, "permanent", "model_refused"),
            (429, "transient", "model_rate_limited"),
            (500, "transient", "model_refused"),
            (529, "transient", "model_refused"),
        ],
    )
    async def test_passes_or_not_by_its_status(self, provider: str, status: int, kind: str, code: str) -> None:
        reply = Reply.of_json({"error": {"message": "no", "type": "t"}}, status, retry_after="12")
        async with speaking(provider, reply) as (action, server):
            failed = await failure_of(action, node_call({"prompt": "Hi"}))
        assert (failed.type, failed.code, failed.retry_after_seconds) == (kind, code, 12.0)
        assert len(server.asked) == 1, "retries are the engine's"

    async def test_of_time_is_a_timeout(self, provider: str) -> None:
        async with speaking(provider, Reply(delay_seconds=5)) as (action, _):
            failed = await failure_of(action, node_call({"prompt": "Hi"}, timeout_seconds=0.2))
        assert (failed.type, failed.code) == ("timeout", "model_timeout")

    async def test_to_be_reached_is_transient(self, provider: str) -> None:
        environment = {f"{NAMES[provider]}_BASE_URL": "http://127.0.0.1:1", f"{NAMES[provider]}_MODEL": "m"}
        action = ModelAction(Providers.from_environment(environment))
        failed = await failure_of(action, node_call({"prompt": "Hi"}))
        assert (failed.type, failed.code) == ("transient", "model_unreachable")
        await action.close()


class TestAQuestion:
    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_carries_key_and_trace(self, provider: str) -> None:
        asked = await asked_of(provider, {"prompt": "Hi"}, said(provider))
        assert asked.json()["model"] == "default-model"
        assert asked.path == ("/v1/chat/completions" if provider == "openai" else "/v1/messages")
        assert asked.headers["idempotency-key"] == "key-1"
        assert asked.headers["traceparent"] == TRACEPARENT
        assert "secret" in {asked.headers.get("x-api-key"), asked.headers["authorization"].removeprefix("Bearer ")}

    async def test_reads_so_to_openai(self) -> None:
        config = {
            "system": "Be brief.",
            "prompt": "Hi",
            "model": "m",
            "temperature": 0.5,
            "max_tokens": 7,
            "tools": [WEATHER],
        }
        sent = (await asked_of("openai", {**config, "response_schema": SCHEMA}, called("openai"))).json()
        assert sent == {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "temperature": 0.5,
            "max_tokens": 7,
            "tools": [{"type": "function", "function": WEATHER}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def test_reads_so_to_anthropic(self) -> None:
        config = {"system": "Be brief.", "prompt": {"a": 1}, "model": "m", "temperature": 0.5, "tools": [WEATHER]}
        sent = (await asked_of("anthropic", config, said("anthropic"))).json()
        assert sent == {
            "model": "m",
            "system": "Be brief.",
            "messages": [{"role": "user", "content": '{"a":1}'}],
            "temperature": 0.5,
            "max_tokens": 4_096,
            "tools": [{"name": "weather", "description": "The weather.", "input_schema": WEATHER["parameters"]}],
            "stream": True,
        }

    @pytest.mark.parametrize(
        ("provider", "history"), [("openai", lambda sent: sent[1:]), ("anthropic", lambda sent: sent)]
    )
    async def test_may_go_on_after_tools(self, provider: str, history: Callable[[Any], Any]) -> None:
        call = {"id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}}
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": {"rain": True}},
        ]
        sent = history((await asked_of(provider, {"messages": messages}, said(provider))).json()["messages"])
        assert sent[0] == {"role": "user", "content": "Weather?"}
        if provider == "openai":
            function = {"name": "weather", "arguments": '{"city":"Oslo"}'}
            assert sent[1]["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]
            assert sent[2] == {"role": "tool", "tool_call_id": "call_1", "content": '{"rain":true}'}
        else:
            used = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}}
            result = {"type": "tool_result", "tool_use_id": "call_1", "content": '{"rain":true}'}
            assert sent[1:] == [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]


class TestASchema:
    @pytest.mark.parametrize("text", ['{"n": 3}', '```json\n{"n": 3}\n```'])
    async def test_makes_openai_s_answer_data(self, text: str) -> None:
        async with speaking("openai", openai_stream({"content": text})) as (action, _):
            output = (await action.run(node_call({"prompt": "n?", "response_schema": SCHEMA}))).output
        assert (output["data"], output["text"]) == ({"n": 3}, text)

    async def test_makes_anthropic_s_answer_data(self) -> None:
        reply = anthropic_stream(tool_block("call_1", "answer", '{"n"', ": 3}"), stop="tool_use")
        async with speaking("anthropic", reply) as (action, server):
            output = (await action.run(node_call({"prompt": "n?", "response_schema": SCHEMA}))).output
        assert (output["data"], output["tool_calls"], output["finish_reason"]) == ({"n": 3}, [], "stop")
        assert server.asked[0].json()["tool_choice"] == {"type": "tool", "name": "answer"}

    @pytest.mark.parametrize(("text", "code"), [("three", "answer_not_json"), ('{"n": "3"}', "answer_breaks_schema")])
    async def test_that_the_answer_breaks_is_a_transient_failure(self, text: str, code: str) -> None:
        async with speaking("openai", openai_stream({"content": text})) as (action, _):
            failed = await failure_of(action, node_call({"prompt": "n?", "response_schema": SCHEMA}))
        assert (failed.type, failed.code) == ("transient", code)

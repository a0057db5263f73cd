"""`stream: false`: the whole answer at once, from both protocols the same as in pieces."""

from typing import Any

import pytest

from execution.nodes.action import NodeResult
from tests.execution.nodes.test_providers import SCHEMA, WEATHER, Counted, asked_of, speaking
from tests.support.model_replies import anthropic_whole, openai_whole
from tests.support.node_calls import TRACEPARENT, failure_of, node_call
from tests.support.web_server import Reply

BOTH = pytest.mark.parametrize("provider", ["openai", "anthropic"])
CALL = {"id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}}


def said(provider: str) -> Reply:
    """Two words of text."""
    if provider == "openai":
        return openai_whole({"content": "Hello there"})
    return anthropic_whole({"type": "text", "text": "Hello "}, {"type": "text", "text": "there"})


def called(provider: str) -> Reply:
    """A text and a tool call."""
    if provider == "openai":
        function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
        calls = [{"id": "call_1", "type": "function", "function": function}]
        return openai_whole({"content": None, "tool_calls": calls}, finish="tool_calls")
    return anthropic_whole(
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}}, stop="tool_use"
    )


def odd(provider: str) -> Reply:
    """JSON that is no answer."""
    return Reply.of_json({"error": f"no {provider} today"})


def unfinished(provider: str) -> Reply:
    """An answer that does not say why it ended."""
    return openai_whole({"content": "Hel"}, finish=None) if provider == "openai" else anthropic_whole(stop=None)


async def answered(provider: str, reply: Reply, config: dict[str, Any], **members: Any) -> NodeResult:
    async with speaking(provider, reply) as (action, _):
        return await action.run(node_call({"prompt": "Hi", "stream": False, **config}, **members))


@BOTH
async def test_a_whole_answer_is_counted_and_nobody_hears_pieces(provider: str) -> None:
    heard: list[str] = []
    pulse = Counted()
    model = "gpt-4o-mini" if provider == "openai" else "claude-haiku-4-5-20251001"
    result = await answered(provider, said(provider), {"model": model}, on_token=heard.append, pulse=pulse)
    assert result.output["text"] == "Hello there"
    assert result.output["finish_reason"] == "stop"
    assert result.output["usage"] == {"prompt_tokens": 9, "completion_tokens": 4}
    assert result.cost > 0
    assert (heard, pulse.beats) == ([], 1)


@BOTH
async def test_a_whole_answer_may_ask_for_tools(provider: str) -> None:
    output = (await answered(provider, called(provider), {"tools": [WEATHER]})).output
    assert (output["text"], output["tool_calls"], output["finish_reason"]) == ("", [CALL], "tool_calls")


@BOTH
async def test_a_schema_makes_a_whole_answer_data(provider: str) -> None:
    if provider == "openai":
        reply = openai_whole({"content": '{"n": 3}'})
    else:
        reply = anthropic_whole({"type": "tool_use", "id": "c", "name": "answer", "input": {"n": 3}}, stop="tool_use")
    output = (await answered(provider, reply, {"response_schema": SCHEMA})).output
    assert (output["data"], output["tool_calls"], output["finish_reason"]) == ({"n": 3}, [], "stop")


@BOTH
@pytest.mark.parametrize("reply", [odd, unfinished])
async def test_what_is_no_whole_answer_is_a_transient_failure(provider: str, reply: Any) -> None:
    async with speaking(provider, reply(provider)) as (action, _):
        failed = await failure_of(action, node_call({"prompt": "Hi", "stream": False}))
    assert (failed.type, failed.code) == ("transient", "model_broke_off")


@BOTH
async def test_a_refusal_is_read_as_of_a_stream(provider: str) -> None:
    reply = Reply.of_json({"error": {"message": "no", "type": "t"}}, 429, retry_after="12")
    async with speaking(provider, reply) as (action, _):
        failed = await failure_of(action, node_call({"prompt": "Hi", "stream": False}))
    assert (failed.type, failed.code, failed.retry_after_seconds) == ("transient", "model_rate_limited", 12.0)


@BOTH
async def test_a_wait_that_takes_too_long_is_a_timeout(provider: str) -> None:
    async with speaking(provider, Reply(delay_seconds=5)) as (action, _):
        failed = await failure_of(action, node_call({"prompt": "Hi", "stream": False}, timeout_seconds=0.2))
    assert (failed.type, failed.code) == ("timeout", "model_timeout")


@BOTH
async def test_the_question_is_the_same_but_for_the_stream(provider: str) -> None:
    config = {"prompt": "Hi", "model": "m", "temperature": 0.5, "max_tokens": 7}
    asked = await asked_of(provider, {**config, "stream": False}, said(provider))
    assert asked.json() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "max_tokens": 7,
    }
    assert asked.path == ("/v1/chat/completions" if provider == "openai" else "/v1/messages")
    assert (asked.headers["idempotency-key"], asked.headers["traceparent"]) == ("key-1", TRACEPARENT)
    assert "secret" in {asked.headers.get("x-api-key"), asked.headers["authorization"].removeprefix("Bearer ")}

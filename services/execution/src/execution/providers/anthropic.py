"""Anthropic's messages, or any endpoint that speaks them, through the `anthropic` library."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from execution.providers.conversation import (
    Answer,
    FinishReason,
    OnText,
    PartialCall,
    Question,
    ToolCall,
    Turn,
    as_text,
)
from execution.providers.sdk_failures import failures_of, finished

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

DEFAULT_MAX_TOKENS = 4_096
"""The API wants a limit; used where the node gives none."""
ANSWER_TOOL = "answer"
"""The tool that the model must use where an answer has to satisfy a schema: its input is the answer."""
NO_KEY = "none"

_FINISH_REASONS: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class AnthropicProvider:
    """Asks for messages; the library's own retries are off, the engine's are durable."""

    def __init__(self, api_key: str | None, base_url: str | None, default_model: str | None = None) -> None:
        """`base_url` None is Anthropic itself."""
        self.default_model = default_model
        self._api_key = api_key
        self._base_url = base_url
        self._client: AsyncAnthropic | None = None

    async def ask(self, question: Question, on_text: OnText) -> Answer:
        """Ask, and stream the text as it comes if the question says so; raises `NodeFailure`."""
        if self._client is None:
            self._client = await asyncio.to_thread(self._connect)
        import anthropic  # noqa: PLC0415 - loaded by now, in a thread

        async with failures_of(anthropic, "Anthropic"):
            if not question.stream:
                return await self._ask_whole(self._client, question)
            stream = await self._client.messages.create(
                **_request(question),
                stream=True,
                extra_body=_beside(question),
                extra_headers=question.headers,
                timeout=question.timeout_seconds,
            )
            async with stream:
                heard = _Heard(on_text)
                async for event in stream:
                    question.heartbeat()
                    heard.take(event)
            return heard.answer()

    async def _ask_whole(self, client: "AsyncAnthropic", question: Question) -> Answer:
        # As text, like OpenAI's; and the library refuses to wait for an answer that may become long.
        received = await client.post(
            "/v1/messages",
            cast_to=str,
            body=_request(question) | _beside(question),
            options={"headers": question.headers, "timeout": question.timeout_seconds},
        )
        question.heartbeat()
        return _whole(orjson.loads(received))

    def _connect(self) -> "AsyncAnthropic":
        """Load the library, which takes seconds: not on the event loop, and only for who uses it."""
        import anthropic  # noqa: PLC0415

        key = self._api_key or NO_KEY
        # The library names the key as a bearer token; compatible endpoints often want it under its older name.
        client = anthropic.AsyncAnthropic(
            api_key=key, base_url=self._base_url, max_retries=0, default_headers={"X-Api-Key": key}
        )
        _ = client.messages
        return client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()


class _Heard:
    """What the events have said so far."""

    def __init__(self, on_text: OnText) -> None:
        self.on_text = on_text
        self.text: list[str] = []
        self.calls: dict[int, PartialCall] = {}
        self.finish_reason: FinishReason | None = None
        self.prompt_tokens = self.completion_tokens = 0

    def take(self, event: Any) -> None:
        if event.type == "message_start":
            self._count(event.message.usage)
        elif event.type == "content_block_start" and event.content_block.type == "tool_use":
            self.calls[event.index] = PartialCall(event.content_block.id, event.content_block.name)
        elif event.type == "content_block_delta":
            self._take_delta(event.index, event.delta)
        elif event.type == "message_delta":
            self._count(event.usage)
            if event.delta.stop_reason:
                self.finish_reason = _FINISH_REASONS.get(event.delta.stop_reason, "stop")

    def _take_delta(self, index: int, delta: Any) -> None:
        if delta.type == "text_delta":
            self._say(delta.text)
        elif delta.type == "input_json_delta":
            call = self.calls[index]
            call.arguments.append(delta.partial_json)
            if call.name == ANSWER_TOOL:
                self._say(delta.partial_json)

    def _say(self, text: str) -> None:
        if text:
            self.text.append(text)
            self.on_text(text)

    def _count(self, usage: Any) -> None:
        if usage.input_tokens is not None:
            cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
            self.prompt_tokens = usage.input_tokens + cached
        self.completion_tokens = usage.output_tokens or self.completion_tokens

    def answer(self) -> Answer:
        calls = tuple(call.whole() for _, call in sorted(self.calls.items()) if call.name != ANSWER_TOOL)
        reason = _reason(self.finish_reason, calls)
        return Answer("".join(self.text), calls, reason, self.prompt_tokens, self.completion_tokens)


def _whole(message: dict[str, Any]) -> Answer:
    text: list[str] = []
    calls: list[ToolCall] = []
    for block in message["content"]:
        if block["type"] == "text":
            text.append(block["text"])
        elif block["type"] == "tool_use" and block["name"] == ANSWER_TOOL:
            text.append(as_text(block["input"]))
        elif block["type"] == "tool_use":
            calls.append(ToolCall(block["id"], block["name"], block["input"]))
    stopped, usage = message.get("stop_reason"), message["usage"]
    reason = _reason(_FINISH_REASONS.get(stopped, "stop") if stopped else None, calls)
    counts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    prompt_tokens = sum(usage.get(count) or 0 for count in counts)
    return Answer("".join(text), tuple(calls), reason, prompt_tokens, usage["output_tokens"])


def _reason(said: FinishReason | None, calls: Sequence[ToolCall]) -> FinishReason:
    return "stop" if said == "tool_calls" and not calls else finished("Anthropic", said)


def _request(question: Question) -> dict[str, Any]:
    tools = [_tool(tool) for tool in question.tools]
    system = [turn.text for turn in question.turns if turn.role == "system"]
    request: dict[str, Any] = {
        "model": question.model,
        "max_tokens": question.max_tokens or DEFAULT_MAX_TOKENS,
        "messages": [_message(turn) for turn in question.turns if turn.role != "system"],
    }
    if question.response_schema is not None and not tools:
        tools = [{"name": ANSWER_TOOL, "description": "Gives the answer.", "input_schema": question.response_schema}]
        request["tool_choice"] = {"type": "tool", "name": ANSWER_TOOL}
    elif question.response_schema is not None:
        system.append(
            f"The final answer is JSON alone, satisfying this JSON Schema: {as_text(question.response_schema)}"
        )
    optional = {"system": "\n\n".join(system) or None, "tools": tools or None}
    return {**request, **{name: value for name, value in optional.items() if value is not None}}


def _beside(question: Question) -> dict[str, Any]:
    """What the API takes and the library's own method does not."""
    return {} if question.temperature is None else {"temperature": question.temperature}


def _message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        result = {"type": "tool_result", "tool_use_id": turn.tool_call_id or "", "content": turn.text}
        return {"role": "user", "content": [result]}
    if not turn.tool_calls:
        return {"role": turn.role, "content": turn.text}
    said = [{"type": "text", "text": turn.text}] if turn.text else []
    called = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in turn.tool_calls
    ]
    return {"role": turn.role, "content": [*said, *called]}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    described = {"description": tool["description"]} if tool.get("description") else {}
    schema = tool.get("parameters") or {"type": "object", "properties": {}}
    return {"name": tool["name"], "input_schema": schema, **described}

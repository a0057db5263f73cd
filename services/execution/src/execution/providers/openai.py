"""Any endpoint that speaks OpenAI's chat completions, through the `openai` library."""

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from execution.providers.conversation import Answer, FinishReason, OnText, PartialCall, Question, ToolCall, Turn
from execution.providers.sdk_failures import failures_of, finished

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk

NO_KEY = "none"
"""Sent where no key is configured: local servers ask for none, the library insists on one."""

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAIProvider:
    """Asks for chat completions; the library's own retries are off, the engine's are durable."""

    def __init__(self, api_key: str | None, base_url: str | None, default_model: str | None = None) -> None:
        """`base_url` None is OpenAI itself."""
        self.default_model = default_model
        self._api_key = api_key
        self._base_url = base_url
        self._client: AsyncOpenAI | None = None

    async def ask(self, question: Question, on_text: OnText) -> Answer:
        """Ask, and stream the text as it comes if the question says so; raises `NodeFailure`."""
        if self._client is None:
            self._client = await asyncio.to_thread(self._connect)
        import openai  # noqa: PLC0415 - loaded by now, in a thread

        async with failures_of(openai, "OpenAI"):
            if not question.stream:
                return await self._ask_whole(self._client, question)
            stream = await self._client.chat.completions.create(
                **self._request(question),
                stream=True,
                stream_options={"include_usage": True},
                extra_headers=question.headers,
                timeout=question.timeout_seconds,
            )
            async with stream:
                heard = _Heard(on_text)
                async for chunk in stream:
                    question.heartbeat()
                    heard.take(chunk)
            return heard.answer()

    async def _ask_whole(self, client: "AsyncOpenAI", question: Question) -> Answer:
        # As text: to look through the request for files and to make the answer an object costs the library half as
        # much again as the whole exchange.
        received = await client.post(
            "/chat/completions",
            cast_to=str,
            body=self._request(question),
            options={"headers": question.headers, "timeout": question.timeout_seconds},
        )
        question.heartbeat()
        return _whole(orjson.loads(received))

    def _connect(self) -> "AsyncOpenAI":
        """Load the library, which takes seconds: not on the event loop, and only for who uses it."""
        import openai  # noqa: PLC0415

        client = openai.AsyncOpenAI(api_key=self._api_key or NO_KEY, base_url=self._base_url, max_retries=0)
        _ = client.chat.completions
        return client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    def _request(self, question: Question) -> dict[str, Any]:
        limit = "max_tokens" if self._base_url else "max_completion_tokens"
        optional = {
            "temperature": question.temperature,
            limit: question.max_tokens,
            "tools": [_tool(tool) for tool in question.tools] or None,
            "response_format": _format(question.response_schema),
        }
        return {
            "model": question.model,
            "messages": [_message(turn) for turn in question.turns],
            **{name: value for name, value in optional.items() if value is not None},
        }


class _Heard:
    """What the chunks have said so far."""

    def __init__(self, on_text: OnText) -> None:
        self.on_text = on_text
        self.text: list[str] = []
        self.calls: dict[int, PartialCall] = {}
        self.finish_reason: FinishReason | None = None
        self.prompt_tokens = self.completion_tokens = 0

    def take(self, chunk: "ChatCompletionChunk") -> None:
        if chunk.usage is not None:
            self.prompt_tokens = chunk.usage.prompt_tokens
            self.completion_tokens = chunk.usage.completion_tokens
        for choice in chunk.choices:
            if choice.delta.content:
                self.text.append(choice.delta.content)
                self.on_text(choice.delta.content)
            for piece in choice.delta.tool_calls or ():
                self._take_call(piece)
            if choice.finish_reason:
                self.finish_reason = _FINISH_REASONS.get(choice.finish_reason, "stop")

    def _take_call(self, piece: Any) -> None:
        call = self.calls.setdefault(piece.index, PartialCall())
        call.id = piece.id or call.id
        if piece.function is not None:
            call.name = piece.function.name or call.name
            call.arguments.append(piece.function.arguments or "")

    def answer(self) -> Answer:
        calls = tuple(self.calls[index].whole() for index in sorted(self.calls))
        reason = finished("OpenAI", self.finish_reason)
        return Answer("".join(self.text), calls, reason, self.prompt_tokens, self.completion_tokens)


def _whole(completion: dict[str, Any]) -> Answer:
    choice, usage = completion["choices"][0], completion.get("usage") or {}
    message, reason = choice["message"], choice.get("finish_reason")
    calls = tuple(
        PartialCall(call["id"], call["function"]["name"], [call["function"].get("arguments") or ""]).whole()
        for call in message.get("tool_calls") or ()
    )
    return Answer(
        message.get("content") or "",
        calls,
        finished("OpenAI", _FINISH_REASONS.get(reason, "stop") if reason else None),
        usage.get("prompt_tokens", 0),
        usage.get("completion_tokens", 0),
    )


def _message(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if turn.tool_calls:
        message["tool_calls"] = [_called(call) for call in turn.tool_calls]
    if turn.tool_call_id is not None:
        message["tool_call_id"] = turn.tool_call_id
    return message


def _called(call: ToolCall) -> dict[str, Any]:
    arguments = call.arguments if isinstance(call.arguments, str) else orjson.dumps(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"parameters": {"type": "object", "properties": {}}, **tool}}


def _format(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if schema is None else {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

"""What a language model is asked and what it answers, in words that every provider shares."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

from execution.nodes.action import NodeFailure

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a function; `arguments` is text where the model wrote no JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | str

    def as_json(self) -> dict[str, Any]:
        """As it stands in a node's output, and as a later `messages` may hand it back."""
        return {"id": self.id, "name": self.name, "arguments": self.arguments}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


def _nobody_counts() -> None:
    """Take a sign of life that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a provider needs for one answer."""

    model: str
    turns: tuple[Turn, ...]
    temperature: float | None
    max_tokens: int | None
    response_schema: dict[str, Any] | None
    tools: tuple[dict[str, Any], ...]
    """Each `{name, description?, parameters}`, the parameters a JSON Schema."""
    headers: dict[str, str]
    """Idempotency key and trace."""
    timeout_seconds: float
    stream: bool = True
    """Whether the answer shall come in pieces; False takes it whole."""
    heartbeat: Callable[[], None] = _nobody_counts
    """Called for every piece of the answer, text or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


class Provider(Protocol):
    """One way to reach models."""

    default_model: str | None
    """What is asked where neither node nor run name a model; None when the deployment names none either."""

    async def ask(self, question: Question, on_text: OnText) -> Answer:
        """Ask, and stream the text as it comes if the question says so; raises `NodeFailure`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(slots=True)
class PartialCall:
    """A tool call whose pieces are still coming."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def whole(self) -> ToolCall:
        """The call, once all pieces are there."""
        return ToolCall(self.id, self.name, _object_or_text("".join(self.arguments)))


def turns_of(config: dict[str, Any]) -> tuple[Turn, ...]:
    """The conversation that a `model` node's rendered configuration describes; raises `NodeFailure`."""
    system = config.get("system")
    opening = (Turn("system", as_text(system)),) if system is not None else ()
    messages = config.get("messages")
    if messages is None:
        return (*opening, Turn("user", as_text(config.get("prompt"))))
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise NodeFailure(
            "permanent", "bad_messages", "`messages` must be a list of objects with `role` and `content`."
        )
    return (*opening, *(_turn(message) for message in messages))


def as_text(value: Any) -> str:
    """Text as it is, nothing as empty text, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _turn(message: dict[str, Any]) -> Turn:
    role = message.get("role")
    if role not in ("system", "user", "assistant", "tool"):
        raise NodeFailure(
            "permanent", "bad_messages", f"A message's role is system, user, assistant or tool, not {role!r}."
        )
    calls = tuple(_call(call) for call in message.get("tool_calls") or ())
    return Turn(role, as_text(message.get("content")), calls, message.get("tool_call_id"))


def _call(call: Any) -> ToolCall:
    try:
        return ToolCall(str(call["id"]), str(call["name"]), call.get("arguments", {}))
    except (KeyError, TypeError, AttributeError):
        raise NodeFailure("permanent", "bad_messages", "A tool call has `id`, `name` and `arguments`.") from None


def _object_or_text(text: str) -> dict[str, Any] | str:
    if not text:
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, dict) else text

"""The provider for trying things out: no network, the same answer to the same question, and it says so."""

import hashlib
from typing import Any

import orjson

from execution.nodes.action import NodeFailure
from execution.providers.conversation import Answer, OnText, Question

CHARACTERS_PER_TOKEN = 4
"""How tokens are counted here."""
DIGEST_CHARACTERS = 12
MAX_ECHO_CHARACTERS = 80
MAX_DEPTH = 16
MAX_TEXT = 1_000


class OfflineProvider:
    """Answers at once with a digest of the question; refused in production."""

    def __init__(self, *, production: bool) -> None:
        """In production every question is refused: nobody should take these answers for a model's."""
        self.default_model: str | None = "offline"
        self.production = production

    async def ask(self, question: Question, on_text: OnText) -> Answer:
        """Answer, word by word if the question says so; raises `NodeFailure` in production."""
        if self.production:
            raise NodeFailure(
                "permanent",
                "no_model_provider",
                "No model provider is configured, and the offline one is refused in production mode: "
                "set HEADRACE_OPENAI_API_KEY, HEADRACE_OPENAI_BASE_URL or HEADRACE_ANTHROPIC_API_KEY.",
            )
        asked = "\n".join(f"{turn.role}: {turn.text}" for turn in question.turns)
        text = _answer(question, asked)
        words = text.split(" ") if question.stream else ()
        for place, word in enumerate(words):
            on_text(word if place == len(words) - 1 else f"{word} ")
        return Answer(text, (), "stop", tokens_in(asked), tokens_in(text))

    async def close(self) -> None:
        """Nothing is held open."""


def tokens_in(text: str) -> int:
    """A count that depends on the text alone."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _answer(question: Question, asked: str) -> str:
    if question.response_schema is not None:
        return orjson.dumps(sample(question.response_schema)).decode()
    digest = hashlib.sha256(asked.encode()).hexdigest()[:DIGEST_CHARACTERS]
    last = " ".join(question.turns[-1].text.split())
    echo = last if len(last) <= MAX_ECHO_CHARACTERS else f"{last[: MAX_ECHO_CHARACTERS - 1]}…"
    return f"[offline answer {digest}] No model provider is configured; you asked: {echo}"


def sample(schema: Any, depth: int = 0) -> Any:
    """A small value of the schema's shape; references and combinations are not looked into."""
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return None
    if "const" in schema or "default" in schema:
        return schema.get("const", schema.get("default"))
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        return {name: sample(inner, depth + 1) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}), depth + 1) for _ in range(min(schema.get("minItems", 0), MAX_DEPTH))]
    return _scalar(kind, schema)


def _scalar(kind: str, schema: dict[str, Any]) -> Any:
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("maximum", 0))
    if kind in ("boolean", "null"):
        return False if kind == "boolean" else None
    return "offline".ljust(min(schema.get("minLength", 0), MAX_TEXT), ".")

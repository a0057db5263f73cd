"""The rules for a node's policies: on which types each makes sense, and the expressions and schemas in them."""

from collections.abc import Iterator
from typing import Any

from contracts.expression_text import templates_in
from contracts.message import JsonObject
from contracts.node_types import ACTING_TYPES, BODY_TYPES, NODE_TYPES, PURE_TYPES, TIMER_TYPES, WAIT_TYPES
from contracts.parsing import pointer
from contracts.reference_rules import Sight
from contracts.refusal import Problem
from contracts.text_rules import TextRules
from contracts.workflow import Node

UNCACHED_TYPES = PURE_TYPES | TIMER_TYPES | WAIT_TYPES | BODY_TYPES
"""Types whose answer is not one that could be asked for again."""
SILENT_TYPES = frozenset(NODE_TYPES) - ACTING_TYPES
"""Types that give no signs of life while they run, for they do not run inside a worker."""


def policy_problems(at: str, node: Node, text: TextRules, sight: Sight) -> Iterator[Problem]:
    """Everything that is wrong with the policies of one node; `at` points at its configuration."""
    config = node.config
    yield from _misplaced(at, node)
    for policy in ("cache", "concurrency"):
        key = member(config, policy, "key")
        if isinstance(key, str):
            yield from text.expression(f"{at}/{policy}/key", key, sight)
    for key in ("state_schema", "output_schema"):
        yield from text.schema(f"{at}/{key}", config.get(key))
    for place, form in _forms(node):
        if not any(templates_in(form)):
            yield from text.schema(at + place, form)


def member(document: Any, *names: str) -> Any:
    """The value at this path of member names, or None where the path ends early."""
    for name in names:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _misplaced(at: str, node: Node) -> Iterator[Problem]:
    config = node.config
    if node.type in UNCACHED_TYPES and isinstance(config.get("cache"), dict):
        sentence = (
            f"A node of type `{node.type}` asks nothing that could be remembered: leave `cache` out of `{node.id}`, "
            "or put it on the tool, http, model or blueprint node whose answer you mean."
        )
        yield Problem(pointer=f"{at}/cache", code="nothing_to_cache", message=sentence)
    if node.type in SILENT_TYPES and config.get("heartbeat_seconds") is not None:
        sentence = f"`{node.type}` gives no signs of life to wait for; limit `{node.id}` by `timeout_seconds`."
        yield Problem(pointer=f"{at}/heartbeat_seconds", code="no_heartbeat", message=sentence)
    if node.type != "model" and member(config, "rate_limit", "count") == "tokens":
        sentence = f'Only model nodes use tokens; count "nodes" at `{node.id}`, which is of type `{node.type}`.'
        yield Problem(pointer=f"{at}/rate_limit/count", code="no_tokens", message=sentence)


def _forms(node: Node) -> Iterator[tuple[str, JsonObject]]:
    if node.type == "approval" and isinstance(form := node.config.get("form"), dict):
        yield "/form", form
    waits = node.config.get("waits") if node.type == "race" else None
    for name, wait in waits.items() if isinstance(waits, dict) else ():
        if isinstance(form := member(wait, "approval", "form"), dict):
            yield f"{pointer(('waits', name))}/approval/form", form

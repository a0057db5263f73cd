"""The rules that one node keeps: its id, its type, its configuration and the texts in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import to_json

from contracts.bodies import MAX_CONFIG_DEPTH, body_of, nests_deeper
from contracts.expression_text import SECRETS, templates_in
from contracts.message import JsonObject
from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES, templates_of
from contracts.parsing import problems_in
from contracts.policy_rules import policy_problems
from contracts.reference_rules import Sight
from contracts.refusal import Problem
from contracts.secret_rules import takes_secrets
from contracts.text_rules import TextRules
from contracts.vocabulary import Vocabulary
from contracts.workflow import MAX_VALUE_BYTES, NODE_ID_PATTERN, Node

_NO_BODY: JsonObject = {"nodes": []}
"""Stands for a body while the rest of the configuration is judged: bodies are judged on their own."""


@dataclass(frozen=True, slots=True)
class NodeRules:
    """What the nodes of one graph are judged by."""

    text: TextRules
    sight: Sight
    vocabulary: Vocabulary

    def problems(self, index: int, node: Node) -> Iterator[Problem]:
        """Everything that is wrong with the node at this index."""
        at = f"{self.sight.placed.at}/nodes/{index}"
        if not re.fullmatch(NODE_ID_PATTERN, node.id) or "\n" in node.id:
            sentence = "An id has 1 to 128 letters, digits, dots, dashes and underscores."
            yield Problem(pointer=f"{at}/id", code="bad_id", message=sentence)
        known = self.vocabulary.node_types
        kind = known.get(node.type)
        if kind is None:
            sentence = f"`{node.type}` is not a node type; known are {', '.join(known)}."
            yield Problem(pointer=f"{at}/type", code="unknown_node_type", message=sentence)
        config = node.config if body_of(node) is None else {**node.config, "body": _NO_BODY}
        if nests_deeper(config, MAX_CONFIG_DEPTH):
            sentence = f"The configuration nests deeper than {MAX_CONFIG_DEPTH} levels; make it flatter."
            yield Problem(pointer=f"{at}/config", code="too_deep", message=sentence)
            return
        yield from self._in_config(f"{at}/config", kind, config)
        yield from self._in_texts(f"{at}/config", index, node)

    def _in_config(self, at: str, kind: type[NodeConfig] | None, config: JsonObject) -> Iterator[Problem]:
        text = to_json(config)
        if len(text) > MAX_VALUE_BYTES:
            sentence = f"The configuration is larger than {MAX_VALUE_BYTES:,} bytes."
            yield Problem(pointer=at, code="too_large", message=sentence)
        if kind is None:
            return
        try:
            kind.model_validate_json(text, strict=True)
        except ValidationError as error:
            for problem in problems_in(error, kind, config):
                yield problem.model_copy(update={"pointer": at + problem.pointer})
        name = config.get("name")
        if kind is NODE_TYPES["tool"] and isinstance(name, str):
            yield from self._unknown_tool(at, name)

    def _unknown_tool(self, at: str, name: str) -> Iterator[Problem]:
        tools = self.vocabulary.tools
        if tools is None or name in tools or any(templates_in(name)):
            return
        sentence = f"There is no tool `{name}`; known are {', '.join(sorted(tools))}."
        yield Problem(pointer=f"{at}/name", code="unknown_tool", message=sentence)

    def _in_texts(self, at: str, index: int, node: Node) -> Iterator[Problem]:
        placed = self.sight.placed
        sight = self.sight.with_roots("compensated") if node.id in placed.undoers else self.sight
        acting = sight.with_roots(SECRETS) if takes_secrets(node.type) else sight
        yield from self.text.template(at, templates_of(node), acting)
        if "fallback" in node.config:
            yield from self.text.template(at, {"fallback": node.config["fallback"]}, sight)
        if node.type == "map":
            for_each = {"blueprint": node.config.get("blueprint")}
            yield from self.text.template(at, for_each, sight.with_roots("item", "index"))
        if node.type == "loop":
            for key in ("while", "until"):
                condition = node.config.get(key)
                if isinstance(condition, str) and index in placed.bodies:
                    yield from self.text.condition(f"{at}/{key}", condition, sight.inside(placed.bodies[index]))
        yield from policy_problems(at, node, self.text, sight)

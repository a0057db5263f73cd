"""The rules that one node keeps: its id, its type, its configuration and the templates in it."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import to_json

from contracts.expression_text import expressions_in, templates_in
from contracts.language import Language, spelling_hint, unknown_references
from contracts.message import JsonObject
from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES
from contracts.parsing import pointer, problems_in
from contracts.refusal import Problem
from contracts.workflow import MAX_VALUE_BYTES, NODE_ID_PATTERN, POLICY_KEYS, Node


@dataclass(frozen=True, slots=True)
class NodeRules:
    """What the nodes of one graph are judged by."""

    language: Language
    node_ids: Collection[str]
    known_tools: Collection[str] | None
    """None where it is not known which tools there are."""
    node_types: Mapping[str, type[NodeConfig]]

    def problems(self, index: int, node: Node) -> Iterator[Problem]:
        """Everything that is wrong with the node at this index."""
        at = f"/nodes/{index}"
        if not re.fullmatch(NODE_ID_PATTERN, node.id) or "\n" in node.id:
            sentence = "An id has 1 to 128 letters, digits, dots, dashes and underscores."
            yield Problem(pointer=f"{at}/id", code="bad_id", message=sentence)
        text = to_json(node.config)
        if len(text) > MAX_VALUE_BYTES:
            sentence = f"The configuration is larger than {MAX_VALUE_BYTES:,} bytes."
            yield Problem(pointer=f"{at}/config", code="too_large", message=sentence)
        kind = self.node_types.get(node.type)
        if kind is None:
            sentence = f"`{node.type}` is not a node type; known are {', '.join(self.node_types)}."
            yield Problem(pointer=f"{at}/type", code="unknown_node_type", message=sentence)
        else:
            yield from self._in_config(f"{at}/config", kind, node.config, text)
        yield from self._in_templates(f"{at}/config", node.config)

    def _in_config(self, at: str, kind: type[NodeConfig], config: JsonObject, text: bytes) -> Iterator[Problem]:
        try:
            kind.model_validate_json(text, strict=True)
        except ValidationError as error:
            for problem in problems_in(error, kind, config):
                yield problem.model_copy(update={"pointer": at + problem.pointer})
        name = config.get("name")
        if kind is NODE_TYPES["tool"] and self.known_tools is not None and isinstance(name, str):
            yield from self._unknown_tool(at, name)

    def _unknown_tool(self, at: str, name: str) -> Iterator[Problem]:
        if self.known_tools is None or name in self.known_tools or any(templates_in(name)):
            return
        sentence = f"There is no tool `{name}`; known are {', '.join(sorted(self.known_tools))}."
        yield Problem(pointer=f"{at}/name", code="unknown_tool", message=sentence)

    def _in_templates(self, at: str, config: JsonObject) -> Iterator[Problem]:
        templates = {key: value for key, value in config.items() if key not in POLICY_KEYS}
        found = list(templates_in(templates))
        if not found:
            return
        faults = self.language.check_template(templates)
        for place, complaint in faults:
            hint = spelling_hint(complaint, self.node_ids)
            yield Problem(pointer=at + place, code="bad_expression", message=f"{complaint}{hint}.")
        bad = {place for place, _ in faults}
        for path, template in found:
            if (place := pointer(path)) not in bad:
                for sentence in self._unknown_nodes(template):
                    yield Problem(pointer=at + place, code="unknown_node_reference", message=sentence)

    def _unknown_nodes(self, template: str) -> Iterator[str]:
        for expression in expressions_in(template):
            yield from unknown_references(expression, self.node_ids)

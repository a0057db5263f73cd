"""Whatever is written, sent or recorded: it is judged, refused or put aside, and nothing breaks."""

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.codec import Codec
from chassis.expressions import ExpressionError, check, check_condition, evaluate
from chassis.language import CEL
from chassis.ledger import Recorded
from chassis.schemas import check_schema, problems_of_value
from chassis.templates import TemplateError, render
from chassis.templates import check as check_template
from contracts.blueprint import BlueprintBody
from contracts.drafts import all_problems
from contracts.execution import ExecuteBody
from contracts.graph_rules import problems_of
from contracts.node_types import NODE_TYPES
from contracts.parsing import parse_body
from contracts.refusal import Malformed, Problem
from contracts.versions import Unreadable
from contracts.workflow import WorkflowGraph
from tests.contracts.test_golden import BY_TOPIC, EVENTS, FILES
from tests.support.story import Story

FEW = settings(max_examples=60, derandomize=True)
"""The same ones each time: a suite that fails tells of a change, not of luck."""

texts = st.text(max_size=20) | st.sampled_from(["", "a", "start", "${ input.a }", "${", "\0", "\ud800", "x" * 300])
numbers = st.integers() | st.floats() | st.integers(min_value=10**18, max_value=10**30)
scalars = st.none() | st.booleans() | numbers | texts
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
NAMES = ("a", "b", "c", "d")
CONFIGS: tuple[dict[str, Any], ...] = (
    {},
    {"output": "${ nodes.a }"},
    {"name": "echo", "arguments": {"a": "${ input.a }"}},
    {"url": "https://example.com"},
    {"seconds": 1},
    {"items": [1, 2], "body": {"nodes": [{"id": "s", "type": "start"}], "edges": []}},
    {"operation": "set", "name": "v", "value": 1},
    {"prompt": "Hello"},
    {"nodes": ["a"]},
    {"join": "any"},
    {"retry": {"max_attempts": 2}},
)
nodes = st.fixed_dictionaries(
    {"id": st.sampled_from(NAMES), "type": st.sampled_from(sorted(NODE_TYPES))},
    optional={"config": st.sampled_from(CONFIGS) | st.dictionaries(texts, documents, max_size=3)},
)
edges = st.fixed_dictionaries(
    {"source": st.sampled_from(NAMES), "target": st.sampled_from(NAMES)},
    optional={"condition": st.sampled_from(["true", "input.a == 1", "nonsense(", "1"]) | texts},
)
START = {"id": "a", "type": "start"}
graphs = st.fixed_dictionaries(
    {
        "name": st.just("n") | texts,
        "nodes": st.lists(nodes, max_size=3).map(lambda found: [START, *found]) | st.lists(nodes, max_size=4),
        "edges": st.lists(edges, max_size=5),
    },
    optional={"config": st.dictionaries(texts, documents, max_size=2) | documents, "colour": documents},
)
SCOPE: dict[str, Any] = {"input": {"a": 1, "s": "text", "l": [1, 2.5, None], "o": {"b": True}}, "vars": {}, "nodes": {}}
PIECES = (
    *("input.a", "input.s", "input.l", "input.o", "input", "nodes.x", "vars", "item", "1", "-1", "2.5", "'t'", "true"),
    *("null", "[", "]", "(", ")", "{", "}", "+", "-", "*", "/", "%", "==", "<", "&&", "||", "!", "?", ":", ",", "."),
    *(
        ".map(x, x)",
        ".filter(x, x > 1)",
        ".all(x, true)",
        ".exists(x, x)",
        ".size()",
        ".matches('a+')",
        ".contains('t')",
    ),
    *(
        "in",
        "has(input.q)",
        "int(",
        "double(",
        "string(",
        "timestamp(",
        "duration('1s')",
        "b'x'",
        "r'x'",
        "9" * 30,
        "\0",
    ),
)
expressions = st.lists(st.sampled_from(PIECES) | texts, max_size=8).map(" ".join)


def judge(body: BlueprintBody) -> tuple[Problem, ...]:
    return problems_of(WorkflowGraph(nodes=body.nodes, edges=body.edges), body.config, CEL)


def written(document: Any) -> bytes:
    """As a client would send it that cares for nothing."""
    return json.dumps(document).encode("utf-8", "surrogatepass")


class TestABlueprint:
    @FEW
    @given(documents | graphs)
    def test_of_any_shape_is_judged(self, document: Any) -> None:
        with suppress(Malformed):
            for problem in all_problems(written(document), judge):
                assert problem.message

    @FEW
    @given(st.binary(max_size=200))
    def test_of_any_bytes_is_judged_or_no_json(self, raw: bytes) -> None:
        with suppress(Malformed):
            all_problems(raw, judge)
        with suppress(Malformed):
            parse_body(ExecuteBody, raw)

    @settings(max_examples=150, derandomize=True)
    @given(graphs)
    def test_that_is_accepted_can_begin(self, document: dict[str, Any]) -> None:
        read = parse_body(BlueprintBody, orjson.dumps(document)) if _is_text(document) else ()
        if isinstance(read, BlueprintBody) and not judge(read):
            story = Story(WorkflowGraph(nodes=read.nodes, edges=read.edges))
            assert story.instance.status != "pending"


class TestAnExpression:
    @FEW
    @given(expressions)
    def test_of_any_text_is_judged_and_fails_only_as_expressions_do(self, expression: str) -> None:
        check(expression)
        check_condition(expression)
        with suppress(ExpressionError):
            evaluate(expression, SCOPE)

    @FEW
    @given(st.lists(expressions.map("${{ {} }}".format) | texts, max_size=3).map("".join))
    def test_in_any_template_fails_only_as_templates_do(self, template: str) -> None:
        check_template({"a": [template]})
        with suppress(TemplateError):
            render({"a": [template]}, SCOPE)


KEYWORDS = (
    "type",
    "properties",
    "items",
    "$ref",
    "allOf",
    "not",
    "pattern",
    "enum",
    "$id",
    "$defs",
    "minLength",
    "const",
)
schemas = st.recursive(
    scalars | st.sampled_from(["string", "#", "#/$defs/a", "^a+$", "urn:x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS) | texts, inner, max_size=3),
)


@FEW
@given(st.dictionaries(st.sampled_from(KEYWORDS), schemas, max_size=4), documents)
def test_any_schema_is_judged_and_a_good_one_judges_any_value(schema: dict[str, Any], value: Any) -> None:
    if _is_text(schema) and not check_schema(schema) and _is_text(value):
        problems_of_value(schema, value)


class TestAnEvent:
    @FEW
    @given(st.sampled_from(EVENTS), st.binary(max_size=100) | documents.map(written))
    def test_of_any_bytes_is_read_or_unreadable(self, event_type: Any, state: bytes) -> None:
        with suppress(Unreadable):
            Codec(*EVENTS).decode(recorded(event_type.topic(), state))

    @FEW
    @given(st.sampled_from(FILES), st.dictionaries(st.text(min_size=8, max_size=12), documents, max_size=3))
    def test_with_members_that_nobody_knows_yet_is_read(self, golden: Any, added: dict[str, Any]) -> None:
        wire = json.loads(golden.read_text())
        event_type = BY_TOPIC[golden.stem.rsplit(".v", 1)[0]]
        if not _is_text(added):
            return
        read = Codec(*EVENTS).decode(recorded(event_type.topic(), orjson.dumps({**added, **wire["body"]})))
        assert type(read) is event_type

    @FEW
    @given(st.sampled_from(FILES), st.data())
    def test_with_a_member_of_another_kind_is_read_or_unreadable(self, golden: Any, data: st.DataObject) -> None:
        wire = json.loads(golden.read_text())
        changed = {**wire["body"], data.draw(st.sampled_from(sorted(wire["body"]))): data.draw(documents)}
        if _is_text(changed):
            with suppress(Unreadable):
                topic = golden.stem.rsplit(".v", 1)[0]
                Codec(*EVENTS).decode(recorded(topic, orjson.dumps(changed)))

    def test_of_an_unknown_kind_is_unreadable(self) -> None:
        with pytest.raises(Unreadable, match="not a known event"):
            Codec(*EVENTS).decode(recorded("Unheard", b"{}"))


def recorded(topic: str, state: bytes) -> Recorded:
    return Recorded(1, uuid4(), 1, topic, state, uuid4(), None)


def _is_text(value: Any) -> bool:
    """Whether it can be written as JSON in UTF-8 at all."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True

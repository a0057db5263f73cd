"""What a node declares about the state before it begins and about what it answers (pure)."""

from collections.abc import Mapping
from typing import Any

from chassis import schemas
from contracts.message import JsonObject
from contracts.workflow import Node, policy_of

STATE_ROOTS = ("input", "nodes", "vars")
"""What a `state_schema` describes."""
PROBLEMS_SHOWN = 3


def check_state(node: Node, scope: Mapping[str, Any]) -> str | None:
    """How the state breaks the node's `state_schema`; None when it does not, or there is none."""
    schema = policy_of(node, "state_schema")
    if schema is None:
        return None
    problem = schema_problem(schema, {root: _plain(scope.get(root)) for root in STATE_ROOTS})
    return problem and f"The state before node {node.id!r} does not fit its state_schema: {problem}"


def check_output(node: Node, output: Any) -> str | None:
    """How the output breaks the node's `output_schema`; None when it does not, or there is none."""
    schema = policy_of(node, "output_schema")
    problem = schema_problem(schema, output) if schema is not None else None
    return problem and f"The output of node {node.id!r} does not fit its output_schema: {problem}"


def schema_problem(schema: JsonObject, value: Any) -> str | None:
    """The first places at which the value breaks the schema, with what was expected there; None when it fits."""
    problems = schemas.problems_of_value(schema, value)
    if not problems:
        return None
    shown = [f"{problem.pointer or '/'}: {problem.message}" for problem in problems[:PROBLEMS_SHOWN]]
    more = len(problems) - len(shown)
    return " ".join([*shown, *([f"({more} more)"] if more else ())])


def _plain(value: Any) -> Any:
    # Scopes may be views over several dicts; the schema library knows dicts alone.
    return dict(value) if isinstance(value, Mapping) else value

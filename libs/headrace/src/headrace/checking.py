"""The problems of a blueprint body that show without a stack."""

from typing import Any

from chassis.extensions import vocabulary
from chassis.language import CEL
from chassis.settings import BadSettings
from contracts.blueprint import BlueprintBody
from contracts.drafts import all_problems
from contracts.graph_rules import problems_of
from contracts.refusal import Problem
from contracts.workflow import WorkflowGraph
from headrace.errors import Complaint


def found_here(body: dict[str, Any]) -> list[dict[str, str]]:
    """Everything as `{pointer, code, message}`, but which tools and providers there are."""
    try:
        return [problem.model_dump() for problem in all_problems(body, _in_the_graph)]
    except BadSettings as error:
        raise Complaint(f"An installed package cannot be used: {error}.") from error


def _in_the_graph(body: BlueprintBody) -> tuple[Problem, ...]:
    graph = WorkflowGraph.model_construct(nodes=body.nodes, edges=body.edges)
    return problems_of(graph, body.config, CEL, vocabulary())

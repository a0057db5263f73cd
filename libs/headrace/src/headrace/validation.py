"""All problems of a blueprint body: from the running stack where there is one, else found here."""

from pathlib import Path
from typing import Any

from chassis.extensions import vocabulary
from chassis.language import CEL
from chassis.settings import BadSettings
from contracts.blueprint import BlueprintBody
from contracts.drafts import all_problems
from contracts.graph_rules import problems_of as graph_problems
from contracts.refusal import Problem as Found
from contracts.workflow import WorkflowGraph
from headrace.commands.options import connect
from headrace.data_dir import read_state
from headrace.errors import Complaint

Problem = dict[str, str]


def problems_of(body: dict[str, Any], data_dir: Path, url: str | None) -> list[Problem]:
    """Every problem as `{pointer, code, message}`; empty when the body may be created."""
    if url is None and read_state(data_dir) is None:
        return found_here(body)
    with connect(data_dir, url, None, None) as client:
        return [dict(problem) for problem in client.check_blueprint(body)["problems"]]


def found_here(body: dict[str, Any]) -> list[Problem]:
    """The problems that show without a stack: everything but which tools and providers it has."""
    try:
        return [problem.model_dump() for problem in all_problems(body, _in_the_graph)]
    except BadSettings as error:
        raise Complaint(f"An installed package cannot be used: {error}.") from error


def _in_the_graph(body: BlueprintBody) -> tuple[Found, ...]:
    graph = WorkflowGraph.model_construct(nodes=body.nodes, edges=body.edges)
    return graph_problems(graph, body.config, CEL, vocabulary())

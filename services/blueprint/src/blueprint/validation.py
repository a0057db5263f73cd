"""Everything that is wrong with a body, at once: its values, its graph, its expressions, who may share it."""

import asyncio
from collections.abc import Callable

from pydantic_core import from_json

from blueprint.permissions import sharing_problems
from chassis.extensions import vocabulary
from chassis.language import CEL
from contracts import graph_rules
from contracts.blueprint import BlueprintBody
from contracts.drafts import all_problems
from contracts.message import Caller
from contracts.parsing import SUSPICIOUS, unkept_values
from contracts.refusal import Problem
from contracts.workflow import WorkflowGraph

LARGE_NODES = 100
LARGE_BYTES = 20_000
"""From this size on a body is judged in a thread, so that nobody else's question waits for it."""

Sharing = Callable[[BlueprintBody], tuple[Problem, ...]]


async def problems_of(body: BlueprintBody, caller: Caller) -> tuple[Problem, ...]:
    """What keeps the caller from recording this body; empty when nothing does."""
    return (*await content_problems(body), *sharing_problems(body, caller))


async def content_problems(body: BlueprintBody) -> tuple[Problem, ...]:
    """What is wrong with the body whoever sends it."""
    if len(body.nodes) < LARGE_NODES:
        return _judged(body)
    return await asyncio.to_thread(_judged, body)


async def text_problems(text: bytes, sharing: Sharing) -> tuple[Problem, ...]:
    """As `problems_of`, of a body that may have no proper shape; `sharing` judges who it is to be shared with."""

    def judged(body: BlueprintBody) -> tuple[Problem, ...]:
        return (*_graph_problems(body), *sharing(body))

    if len(text) < LARGE_BYTES:
        return all_problems(text, judged)
    return await asyncio.to_thread(all_problems, text, judged)


def unkept_problems(text: bytes) -> tuple[Problem, ...]:
    """Values in a JSON document that no table can keep."""
    return unkept_values(from_json(text), text) if SUSPICIOUS.search(text) else ()


def _judged(body: BlueprintBody) -> tuple[Problem, ...]:
    return (*unkept_problems(body.model_dump_json().encode()), *_graph_problems(body))


def _graph_problems(body: BlueprintBody) -> tuple[Problem, ...]:
    graph = WorkflowGraph.model_construct(nodes=body.nodes, edges=body.edges)
    return graph_rules.problems_of(graph, body.config, CEL, vocabulary())

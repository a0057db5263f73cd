"""How a visit is named in the facts about it, and what goes wrong with it."""

from typing import Any

from chassis.expressions import ExpressionError
from execution.domain.routing import NoBranchTaken
from execution.domain.visits import Visit
from execution.nodes.action import NodeFailure


def at(visit: Visit, attempt: int) -> dict[str, Any]:
    """The members of a node's fact that say which visit it is about."""
    return {"node_id": visit.node_id, "visit": visit.number, "scope": visit.scope, "attempt": attempt}


def as_failure(error: Exception) -> NodeFailure:
    """A failure of the node for what went wrong in the pure part."""
    if isinstance(error, NodeFailure):
        return error
    code = "no_branch_taken" if isinstance(error, NoBranchTaken) else "expression_failed"
    return NodeFailure("permanent", code, str(error))


PURE_ERRORS = (ExpressionError, NodeFailure, NoBranchTaken)
"""What the pure part of a node may raise."""

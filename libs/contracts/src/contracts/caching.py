"""Clearing what was remembered: the command, and what is answered."""

from typing import ClassVar
from uuid import UUID

from contracts.blueprint import BlueprintReference
from contracts.execution import ExecutionCommand
from contracts.message import View


class CacheView(View):
    """How many answers were forgotten; whatever is being worked out right now is not kept either."""

    blueprint_id: UUID
    node_id: str | None
    """Only this node's answers; None: those of all nodes and of whole executions."""
    forgotten: int


class InvalidateCache(ExecutionCommand):
    """Forget what a blueprint, or one of its nodes, answered; only for the blueprint's owner and its team."""

    ANSWER: ClassVar = CacheView
    blueprint: BlueprintReference
    node_id: str | None = None

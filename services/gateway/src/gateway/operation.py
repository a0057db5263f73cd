"""How an endpoint describes itself: what it takes and what it answers, for the reader of its code and for OpenAPI."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from gateway.answers import JSON

OPERATION = "operation"
"""The key of an endpoint's `opt` under which its `Operation` stands."""


@dataclass(frozen=True)
class Outcome:
    """One way in which a request goes well."""

    description: str
    model: type[BaseModel] | None = None
    example: Any = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name of a response header -> what it says."""


@dataclass(frozen=True)
class Operation:
    """What one endpoint takes and answers."""

    outcomes: Mapping[int, Outcome]
    refusals: tuple[int, ...] = ()
    """Statuses of problems that belong to this endpoint; those that every endpoint may answer come by themselves."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_optional: bool = False
    example: Any = None
    """A body that works."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name of a request header -> what it is for."""


def described(operation: Operation) -> dict[str, Any]:
    """The `opt` of an endpoint."""
    return {OPERATION: operation}

"""What is learned of a request on its way through, for whoever writes it down at the end."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar.types import HTTPScope, Scope

VISIT = "headrace.visit"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing by their meaning (RFC 9110): these visits are not written down."""


@dataclass(slots=True)
class Visit:
    """Who came, and what was said to them."""

    user_id: str | None = None
    key_id: UUID | None = None
    refusal: str | None = None
    target: str | None = None
    """What it was about, where the path does not tell all of it."""


def visit_of(scope: Scope) -> Visit:
    """The visit that a request is; begun here where nobody has asked for it before."""
    state: dict[str, Any] = scope.setdefault("state", {})
    visit: Visit = state.setdefault(VISIT, Visit())
    return visit


def begin_visit(scope: HTTPScope) -> Visit:
    """A new one."""
    visit = Visit()
    state: dict[str, Any] = scope.setdefault("state", {})
    state[VISIT] = visit
    return visit

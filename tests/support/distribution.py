"""Deals the files of a run to its workers; whatever needs a whole stack goes to one of them, a file after the other.

Two stacks at once on two processors keep each other from what they promise; one leaves the others room for the rest.
"""

from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadFileScheduling

STACKS = (
    "tests/chaos/test_bugs.py",
    "tests/docs/",
    "tests/journeys/",
    "tests/resilience/",
    "tests/security/test_fuzz.py",
    "tests/security/test_access_matrix.py",
    "tests/security/test_nothing_leaks.py",
    "tests/security/test_permission_matrix.py",
    "tests/headrace/test_demo.py",
    "tests/headrace/test_runs.py",
    "tests/headrace/test_runs_that_wait.py",
    "tests/headrace/test_with.py",
)
"""Where files begin that need one. Stand-ins for services, in `headrace/test_up.py`, are no burden."""
FIXTURE = "stack"
"""What gives a test a whole stack."""


class OneStackAtATime(LoadFileScheduling):  # type: ignore[misc, unused-ignore]
    """All files that need a stack are one piece of work, the largest and so the first; every other file is one."""

    def _split_scope(self, nodeid: str) -> str:
        return "stacks" if nodeid.startswith(STACKS) else str(super()._split_scope(nodeid))


def refuse_unknown_stacks(items: Iterable[pytest.Item]) -> None:
    """A test that asks for a stack must be known to do so."""
    for item in items:
        if FIXTURE in getattr(item, "fixturenames", ()) and not item.nodeid.startswith(STACKS):
            raise pytest.UsageError(f"{item.nodeid} needs a whole stack: name its file in {__name__}.STACKS")

"""Whether the facts that a stream missed end the run."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from contracts import instance_events as facts
from execution.queries import ends_with

RUN = uuid4()


def fact(kind: type[facts.InstanceEvent], **members: Any) -> facts.InstanceEvent:
    """A fact whose members do not matter here."""
    return kind.model_construct(originator_id=RUN, originator_version=1, timestamp=datetime.now(UTC), **members)


STARTED, FAILED, RETRIED = fact(facts.InstanceStarted), fact(facts.InstanceFailed), fact(facts.InstanceRetried)
LATE = fact(facts.ChildEnded)


@pytest.mark.parametrize("ending", facts.ENDINGS)
def test_every_ending_does(ending):
    assert ends_with([STARTED, fact(ending)])


@pytest.mark.parametrize(
    ("history", "ends"),
    [
        ([STARTED], False),
        ([FAILED, RETRIED], False),
        ([FAILED, RETRIED, STARTED], False),
        ([FAILED, RETRIED, FAILED], True),
        ([FAILED, LATE], True),
    ],
)
def test_a_failure_that_was_retried_does_not(history, ends):
    assert ends_with(history) is ends

"""Every example ends as the head of its file says, whichever of its events the process dies at."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from execution.domain import turn
from tests.simulation.checking import violations
from tests.simulation.fate import Crash, Fate
from tests.simulation.stories import Lived, Told, library, live_through
from tests.simulation.virtual_time import live

STORIES = library()[1]
LIVED = 0.75
"""Of the crashes, at least."""


@pytest.fixture(autouse=True)
def one_event_at_a_time() -> Iterator[None]:
    """Turns are committed as soon as they have an event, so that a crash may come between any two."""
    with patch.object(turn, "MAX_EVENTS_PER_TURN", 1):
        yield


def faults_of(story: Lived, told: Told) -> list[str]:
    """What is wrong with a history, its end included."""
    found = violations(told.world, ended=told.ended)
    expected = story.shown.prints
    if told.ended and told.end != expected and not (expected.endswith("…") and told.end.startswith(expected[:-1])):
        found.append(f"ended with {told.end!r}")
    return found


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_it_ends_as_if_nothing_had_been(story: Lived) -> None:
    undisturbed = live(live_through(story, Fate(1)))
    assert faults_of(story, undisturbed) == []

    crashes = [Crash(commit, when) for commit in range(1, undisturbed.world.commits + 1) for when in Crash.WHENS]
    deaths = 0
    for crash in crashes:
        told = live(live_through(story, Fate(1, (crash,))))
        assert faults_of(story, told) == [], crash
        deaths += told.world.deaths
    assert deaths >= len(crashes) * LIVED, "some commits are only there to be refused, and not in each history"

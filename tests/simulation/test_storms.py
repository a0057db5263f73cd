"""Processes die and freeze, messages get lost and come twice, all as a seed decides: every promise is kept.

`python -m tests.simulation --seed N` lives the history of a seed again.
"""

import pytest

from tests.simulation.checking import violations
from tests.simulation.fate import storm
from tests.simulation.stories import library, live_through
from tests.simulation.virtual_time import live

SEEDS = range(1, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_is_kept(seed: int) -> None:
    for story in library()[1]:
        told = live(live_through(story, storm(seed)))
        assert violations(told.world, ended=told.ended) == [], f"{story}, seed {seed}"


def test_the_same_seed_is_the_same_history() -> None:
    story = next(story for story in library()[1] if story.shown.file.stem == "saga")

    first, second = (live(live_through(story, storm(3))).world for _ in range(2))

    assert [str(entry) for entry in first.journal] == [str(entry) for entry in second.journal]
    assert (first.deaths, first.frozen, first.commits) == (second.deaths, second.frozen, second.commits)

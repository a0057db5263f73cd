"""Thousands of histories in seconds: every example under as many seeds as one likes, or one of them again."""

import argparse
import sys
from time import monotonic

from chassis.logs import configure_logging
from tests.simulation.checking import violations
from tests.simulation.fate import storm
from tests.simulation.stories import library, live_through
from tests.simulation.virtual_time import live


def main() -> None:
    """Live the histories; leaves with 1 and the seeds of those that broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="how many storms over every example (default: 40)")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--example", default="", help="only examples whose command begins like this")
    chosen = parser.parse_args()
    configure_logging("simulation", "critical", "text")
    seeds = range(1, chosen.seeds + 1) if chosen.seed is None else (chosen.seed,)
    stories = [story for story in library()[1] if str(story).startswith(chosen.example)]
    began, broken, deaths, frozen = monotonic(), 0, 0, 0
    for seed in seeds:
        for story in stories:
            told = live(live_through(story, storm(seed)))
            deaths, frozen = deaths + told.world.deaths, frozen + told.world.frozen
            for violation in violations(told.world, ended=told.ended):
                broken += 1
                print(f"seed {seed}, {story}: {violation}")
    print(
        f"{len(seeds) * len(stories):,} histories in {monotonic() - began:.1f} s: {deaths:,} deaths, "
        f"{frozen:,} processes frozen, {broken} promises broken"
    )
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()

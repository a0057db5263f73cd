"""Storms over a whole stack, and whether anything was lost: `python -m tests.chaos --minutes 2 --seed 7`."""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Iterable

from tests.chaos.bugs import BUGS
from tests.chaos.checker import violations
from tests.chaos.nemesis import CLUSTER_FAULTS, FAULTS
from tests.chaos.report import keep, summary
from tests.chaos.storm import Weather, forget, pass_over

MINUTES = 8.0
"""Enough for every kind of fault to strike several times; more minutes find rarer meetings of them."""
CLUSTER_SHARE = 0.2
"""Of the time is for the house with three NATS servers."""
QUICK_SECONDS = 35.0
BUG_SECONDS = 15.0
"""A storm over a house with planted bugs: long enough for each to come out."""
SEEDS = 1_000_000


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="./task chaos --", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long it storms (default: %(default)g)")
    parser.add_argument("--quick", action="store_true", help=f"a single storm of {QUICK_SECONDS:g} s")
    parser.add_argument("--seed", type=int, help="replays the plan of an earlier storm")
    parser.add_argument("--only", action="append", default=[], choices=[*FAULTS, *CLUSTER_FAULTS], metavar="FAULT")
    parser.add_argument("--break", dest="bugs", action="append", default=[], choices=list(BUGS), metavar="BUG")
    return parser.parse_args(arguments)


def storms(asked: argparse.Namespace) -> Iterable[Weather]:
    """A long one, and one over a cluster; or the single one that was asked for; bugs bring their own weather."""
    seed = secrets.randbelow(SEEDS) if asked.seed is None else asked.seed
    if asked.bugs:
        faults = tuple(asked.only or {fault for bug in asked.bugs for fault in BUGS[bug].faults})
        yield Weather(seed, BUG_SECONDS, faults, tuple(asked.bugs))
        return
    seconds = QUICK_SECONDS if asked.quick else asked.minutes * 60
    wants_cluster = not asked.quick and (not asked.only or bool(set(asked.only) & set(CLUSTER_FAULTS)))
    wants_single = not asked.only or bool(set(asked.only) & set(FAULTS))
    share = CLUSTER_SHARE if wants_single and wants_cluster else 1.0 if wants_cluster else 0.0
    if wants_single:
        yield Weather(seed, seconds * (1 - share), tuple(asked.only))
    if wants_cluster:
        yield Weather(seed, seconds * share, tuple(asked.only), cluster=True)


def judged(weather: Weather) -> set[str]:
    """Let one storm pass over and print what it left; answers the invariants that it broke."""
    began = time.monotonic()

    def say(sentence: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {sentence}", flush=True)

    print(f"chaos: seed {weather.seed}, {weather.seconds:.0f} s", flush=True)
    storm = asyncio.run(pass_over(weather, say))
    found = violations(storm.evidence)
    text = summary(storm, found)
    print(text, flush=True)
    if found and not weather.bugs:
        print(f"history, logs and seed are kept in {keep(storm, found, text)}", flush=True)
    forget(storm)
    return {violation.invariant for violation in found}


def finds_bugs(seed: int) -> bool:
    """Whether the checker can fail: each bug is planted by itself, and must be found."""
    found = {name: judged(Weather(seed, BUG_SECONDS, bug.faults, (name,))) for name, bug in BUGS.items()}
    missed = [name for name, broken in found.items() if not broken & BUGS[name].found_by]
    told = ", ".join(missed) or "none"
    print(f"bugs planted {len(BUGS)}, found {len(BUGS) - len(missed)}; missed: {told}", flush=True)
    return not missed


def main() -> int:
    """Every storm, one after the other; 1 if any did harm, or if the checker is blind."""
    asked = options()
    weathers = list(storms(asked))
    is_full = not (asked.quick or asked.only or asked.bugs)
    is_well = finds_bugs(weathers[0].seed) if is_full else True
    for weather in weathers:
        is_well = not judged(weather) and is_well
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

"""The guard against becoming slow: three alternations against the bare limit, compared with the committed ratio.

Fails only if the best of the three is more than 40 % below what is committed. `--commit` writes what was measured.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.benchmarks.rounds import Plan, alternate, ours_and_bare

COMMITTED = Path(__file__).with_name("committed.json")
PLAN = Plan(rounds=3, loaded_seconds=8.0, warm_up_seconds=2.0)
IN_FLIGHT = 128
TOLERANCE = 0.40


def main() -> int:
    """Measure, compare, say which."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", action="store_true", help="make the measured ratio the one to be compared with")
    commit = parser.parse_args().commit
    ours, bare = ours_and_bare()
    us, limit = alternate((ours, bare), PLAN, {ours.name: IN_FLIGHT, bare.name: IN_FLIGHT}, Path())
    ratios = [
        mine.steps_per_second / bare_one.steps_per_second
        for mine, bare_one in zip(us.loaded, limit.loaded, strict=True)
    ]
    for mine, bare_one, ratio in zip(us.loaded, limit.loaded, ratios, strict=True):
        print(f"{mine.steps_per_second:8,.0f} of {bare_one.steps_per_second:8,.0f} steps/s: {ratio:.1%}")
    best = max(ratios)
    if commit:
        COMMITTED.write_text(json.dumps({"steps_to_bare_limit": round(best, 3)}) + "\n")
        return 0
    wanted = float(json.loads(COMMITTED.read_text())["steps_to_bare_limit"])
    least = wanted * (1 - TOLERANCE)
    print(f"best {best:.1%}, committed {wanted:.1%}, at least {least:.1%}: {'ok' if best >= least else 'TOO SLOW'}")
    return 0 if best >= least else 1


if __name__ == "__main__":
    sys.exit(main())

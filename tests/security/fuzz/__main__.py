"""`./task fuzz`: the whole interface, ten thousand requests, on a stack of its own; nothing may come of it."""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from tests.security.fuzz.campaign import Round, Told
from tests.support.stacks import Up

REQUESTS = 10_000
EXAMPLES = 60
"""In each round: enough for long walks, few enough for several seeds."""
USER, TEAM, ROLE = "fuzz", "research", "*:admin"


def main() -> int:
    """1 when there were findings."""
    options = _options()
    total = Told()
    with tempfile.TemporaryDirectory(prefix="headrace-fuzz-") as directory:
        folder = options.keep or Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        up = Up.launch(Path(directory) / "data")
        try:
            up.ready_line()
            _rounds(up, options, folder, total)
        finally:
            up.stop()
            up.reap()
    print("\n".join(total.lines()))
    print("\n".join(f"  {finding}" for finding in total.findings))
    return 1 if total.findings else 0


def _rounds(up: Up, options: argparse.Namespace, folder: Path, total: Told) -> None:
    kept = read_secrets(up.data_dir)
    assert kept is not None
    seed = options.seed
    while total.requests < options.requests:
        began = time.monotonic()
        token = sign(kept.jwt, USER, teams=[TEAM], roles=[ROLE])
        told = Round(seed, options.examples).against(str(up.state["url"]), token, folder)
        print(f"seed {seed}: {told.requests:,} requests in {time.monotonic() - began:.0f} s", flush=True)
        total.add(told)
        seed += 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./task fuzz --")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many at least")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of each endpoint in a round")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="the first round's")
    parser.add_argument("--keep", type=Path, help="a folder for what schemathesis says")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""The whole benchmark: every row on stacks of its own, a table on the screen, and docs/benchmarks.md written anew.

Takes up to an hour on two cores, and wants the machine for itself. Peers are installed below .cache/peers the first
time. `--only` measures some rows anew and keeps the others as they were measured before; docs/benchmarks.json has them.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from subprocess import check_output
from tempfile import mkdtemp
from time import monotonic
from typing import Any

import psutil

from headrace.embedded.binaries import nats_binary, postgres_binary
from tests.benchmarks.criteria import criteria
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.progress import say
from tests.benchmarks.rows.all import ROWS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
KEPT = DOCUMENT.with_suffix(".json")
OUTSIDE = "/tmp"  # noqa: S108 - the path of a unix socket must be short
PACKAGES = ("nats-py", "asyncpg", "pydantic", "uvloop", "litestar", "faststream")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=ROWS, help=f"rows to measure: {', '.join(ROWS)}")
    only = parser.parse_args().only
    known = json.loads(KEPT.read_text()) if only and KEPT.exists() else {}
    for name in only or ROWS:
        began = monotonic()
        figures = take(name)
        print(table(figures), flush=True)
        known[name] = {
            "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            "minutes": round((monotonic() - began) / 60, 1),
            "figures": [asdict(figure) for figure in figures],
        }
        KEPT.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    DOCUMENT.write_text(document(known))
    sys.exit(any(figure["verdict"] == "broken" for row in known.values() for figure in row["figures"]))


def take(name: str) -> Sequence[Figure]:
    """One row in a folder of its own; one that breaks is told as broken, and the others are still worth measuring."""
    say(name, "begins")
    folder = Path(mkdtemp(prefix="hb-", dir=OUTSIDE))
    try:
        return ROWS[name](folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the table
        return [
            Figure(
                name, f"not measured: {type(error).__name__}: {' '.join(str(error).split())[:300]}", "", "", "broken"
            )
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def document(known: Mapping[str, Any]) -> str:
    """docs/benchmarks.md, from what is known of each row."""
    rows = [known[name] for name in ROWS if name in known]
    figures = [Figure(**figure) for row in rows for figure in row["figures"]]
    first, last = min(row["measured"] for row in rows), max(row["measured"] for row in rows)
    return f"""# Benchmarks

Written by `./task bench`: {sum(row["minutes"] for row in rows):.0f} minutes, from {first} to {last} UTC. Everything
runs on one machine, with fsync on: our side through HTTP and NATS with all services up (log level `warning`, else as
it comes), the peers as their documentation recommends for production
([what each is given](../tests/benchmarks/peers/)), the load from a process of its own. Ratios are between figures of
the same run, in alternating rounds; absolute figures are this machine's. A *step* is a `tool` node that does nothing;
of one run in 256 every step first looks into the ledger whether the one before it is committed.
[Where the time goes](performance.md) says what limits each figure.

- machine: {machine()}
- versions: {versions()}

{table(figures)}

## The figures the project set out with

{table(criteria(figures))}
"""


def machine() -> str:
    """What this ran on."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    processor = names[0] if names else platform.machine()
    memory = psutil.virtual_memory().total / 1024**3
    return f"{os.cpu_count()} × {processor}, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def versions() -> str:
    """Of what counts."""
    servers = [
        check_output([binary, "--version"], text=True).strip()
        for binary in (postgres_binary("postgres"), nats_binary())
    ]
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Headrace {version('headrace')}", interpreter(), *servers, *packages])


def interpreter() -> str:
    """Which Python, and whether it was built as distributions build theirs: that makes a fifth."""
    optimized = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return f"Python {platform.python_version()} ({'with' if optimized else 'without'} profile-guided optimization)"


if __name__ == "__main__":
    main()

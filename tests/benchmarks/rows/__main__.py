"""Measure some kinds of work alone: `python -m tests.benchmarks.rows NAME [NAME…]`, all of them without a name."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure, table
from tests.benchmarks.progress import say
from tests.benchmarks.rows.all import ROWS

SHORT = "/tmp"  # noqa: S108 - PostgreSQL's unix socket lies below it, and its path must be short


def main() -> None:
    """Each row in a folder of its own, then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ROWS))
    names = parser.parse_args().names or list(ROWS)
    if unknown := sorted(set(names) - set(ROWS)):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    figures: list[Figure] = []
    for name in names:
        say(name, "starting")
        with TemporaryDirectory(prefix="hb-", dir=SHORT) as folder:
            figures += ROWS[name](Path(folder))
    print(table(figures))


if __name__ == "__main__":
    main()

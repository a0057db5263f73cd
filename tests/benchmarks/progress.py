"""Signs of life: one line on stderr for each phase of a measurement."""

import sys
from time import monotonic

_began = monotonic()


def say(row: str, phase: str) -> None:
    """What a row does now, and how long the whole has been under way."""
    print(f"{monotonic() - _began:7.1f} s  {row}: {phase}", file=sys.stderr, flush=True)

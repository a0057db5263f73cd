"""How a long-running process collects garbage: seldom, and never what was made while it started."""

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 100
"""Allocations before a young collection; young ones before a middle one; middle ones before a full one.

Python's own 700, 10, 10 look through everything that was ever imported several times a second under load: a tenth of
the processor. What makes no cycles is freed at once whatever these numbers are.
"""


def collect_seldom() -> None:
    """Call once when everything is loaded and the work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)

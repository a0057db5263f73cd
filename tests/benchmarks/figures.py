"""One line of the benchmark's table: what was measured, what was promised, and whether it was kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["goal", "bar", "missed", "told", "broken"]
"""Better than the goal, within the bar, outside of both; `told` has no bar, `broken` could not be measured."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside its bar and its goal, as a person would write them."""

    work: str
    value: str
    bar: str = ""
    goal: str = ""
    verdict: Verdict = "told"
    note: str = ""


Row = Callable[[Path], Sequence[Figure]]
"""Measures one kind of work with stacks of its own in the empty folder it is given, and stops all of them."""


def judged(value: float, bar: float, goal: float | None = None, *, more_is_better: bool = False) -> Verdict:
    """Which of the two a value keeps."""
    keeps = (lambda limit: value >= limit) if more_is_better else (lambda limit: value <= limit)
    if goal is not None and keeps(goal):
        return "goal"
    if keeps(bar):
        return "goal" if goal is None else "bar"
    return "missed"


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    words = {"goal": "goal met", "bar": "bar met", "missed": "**missed**", "told": "", "broken": "**not measured**"}
    lines = ["| work | measured | bar | goal | |", "|---|---|---|---|---|"]
    for figure in figures:
        told = " — ".join(part for part in (words[figure.verdict], figure.note) if part)
        lines.append(f"| {figure.work} | {figure.value} | {figure.bar} | {figure.goal} | {told} |")
    return "\n".join(lines)

"""How much of the code is a copy of other code: the share of lines that stand in a run repeated elsewhere."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREES = ("libs", "services", "tests")
RUN_LINES = 6
"""A run shorter than this many lines is how Python looks, not a copy."""
SHARE_MAX = 0.03
REPORTED_RUNS_MAX = 30


@dataclass(frozen=True)
class Place:
    """Where a run of lines begins: a file, and the place of the line among the file's lines that count."""

    path: Path
    index: int
    number: int

    def __str__(self) -> str:
        """`path:line`, as editors open it."""
        return f"{self.path}:{self.number}"


@dataclass(frozen=True)
class Copies:
    """What was found: how many lines count, how many are copies, and the repeated runs as pairs of places."""

    lines_total: int
    lines_copied: int
    runs: list[tuple[Place, Place]]

    @property
    def share(self) -> float:
        """Copied lines per line that counts, 0 to 1."""
        return self.lines_copied / self.lines_total if self.lines_total else 0.0


def copies_in(paths: Iterable[Path]) -> Copies:
    """Find every run of `RUN_LINES` or more equal lines; all places of a run count as copied."""
    places: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    lines_total = 0
    for path in paths:
        lines = list(lines_that_count(path))
        lines_total += len(lines)
        for index in range(len(lines) - RUN_LINES + 1):
            run = lines[index : index + RUN_LINES]
            places[tuple(text for _, text in run)].append(Place(path, index, run[0][0]))
    repeated = [found for found in places.values() if len(found) > 1]
    starts = {(place.path, place.index) for found in repeated for place in found}
    copied = {(path, index + offset) for path, index in starts for offset in range(RUN_LINES)}
    runs = [(found[0], found[1]) for found in repeated if (found[0].path, found[0].index - 1) not in starts]
    return Copies(lines_total, len(copied), runs)


def lines_that_count(path: Path) -> Iterator[tuple[int, str]]:
    """Every line of code with its number; blank lines, comments, docstrings and imports are nobody's copy."""
    source = path.read_text(encoding="utf-8")
    silent = {number for node in ast.walk(ast.parse(source)) for number in _silent_lines(node)}
    for number, raw in enumerate(source.splitlines(), start=1):
        text = raw.strip()
        if text and not text.startswith("#") and number not in silent:
            yield number, text


def _silent_lines(node: ast.AST) -> range:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
        case _:
            return range(0)


def python_files() -> list[Path]:
    """Every Python file of the packages and of the tests, relative to the root."""
    return sorted(path.relative_to(ROOT) for tree in TREES for path in (ROOT / tree).rglob("*.py"))


def main() -> int:
    """Print the share, and where the copies stand; 1 when there are too many."""
    found = copies_in(python_files())
    print(f"{found.share:.2%} of {found.lines_total} lines are copies (limit {SHARE_MAX:.0%})")
    for one, other in found.runs[:REPORTED_RUNS_MAX]:
        print(f"  {one} = {other}")
    return int(found.share >= SHARE_MAX)


if __name__ == "__main__":
    sys.exit(main())

"""Data recorded from real systems, which stands beside the project and not in it: it may be absent."""

from pathlib import Path

from tests.benchmarks.figures import Figure

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def not_run(work: str, missing: Path) -> Figure:
    """The line of a row whose data is not here; it keeps no bar."""
    return Figure(work, f"not run: there is no {missing.parent.name}/{missing.name}")

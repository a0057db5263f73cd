"""`demo` and `version`: a first look."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    workflows: Annotated[
        bool, typer.Option("--workflows", help="Run recorded scientific workflows instead of the examples.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Keep the stack's data here (default: a directory that is deleted)."),
    ] = None,
    examples: Annotated[Path, typer.Option("--examples", help="The directory with the example blueprints.")] = Path(
        "examples"
    ),
) -> None:
    """Start a stack, run the example blueprints node by node, and leave nothing running.

    With --workflows, executions of real scientific workflows (WfFormat 1.5) are run again, each task a node and each
    dependency an edge, their times scaled down: from HEADRACE_DATA, else from ../shared/data, else generated graphs
    of the same shapes.

    Examples:

      headrace demo

      headrace demo --workflows
    """
    from headrace.demo import run_demo

    run_demo(data_dir, examples, workflows)


def version() -> None:
    """Print the version.

    Examples:

      headrace version
    """
    from importlib import metadata

    print(metadata.version("headrace"))

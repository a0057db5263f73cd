"""All problems of a blueprint body: from the running stack where there is one, else found here."""

from pathlib import Path
from typing import Any

from headrace.commands.options import connect
from headrace.data_dir import read_state

Problem = dict[str, str]


def problems_of(body: dict[str, Any], data_dir: Path, url: str | None) -> list[Problem]:
    """Every problem as `{pointer, code, message}`; empty when the body may be created."""
    if url is None and read_state(data_dir) is None:
        # Imported here: the rules and the language cost more than asking a stack.
        from headrace.checking import found_here

        return found_here(body)
    with connect(data_dir, url, None, None) as client:
        return [dict(problem) for problem in client.check_blueprint(body)["problems"]]

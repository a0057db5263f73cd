"""All problems of a blueprint body: from the running stack where there is one, else found here."""

from pathlib import Path
from typing import Any

from headrace.data_dir import read_state

Problem = dict[str, str]


def problems_of(body: dict[str, Any], data_dir: Path, url: str | None) -> list[Problem]:
    """Every problem as `{pointer, code, message}`; empty when the body may be created."""
    state = read_state(data_dir)
    if url is not None or state is not None:
        return _asked(body, data_dir, url)
    return _found_here(body)


def _asked(body: dict[str, Any], data_dir: Path, url: str | None) -> list[Problem]:
    from headrace.commands.options import connect

    with connect(data_dir, url, None, None) as client:
        return [dict(problem) for problem in client.check_blueprint(body)["problems"]]

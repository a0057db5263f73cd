"""Blueprint files and inputs as people write them: YAML or JSON, read into exactly what the API takes."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from headrace.errors import Complaint

Loaded = Any
TRUTH = re.compile(r"^(?:true|false|True|False)$")


class _PlainLoader(yaml.CSafeLoader):
    """YAML that stays within JSON: dates remain text, and only true and false are booleans."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", TRUTH, list("tfTF"))


def load_blueprint(path: Path) -> dict[str, Any]:
    """The body of `POST /api/v2/blueprints` that the file holds. Its content is judged elsewhere."""
    body = _load(path)
    if not isinstance(body, dict):
        raise Complaint(f"{path} does not hold a blueprint: write a mapping with name, nodes and edges.")
    return body


def load_input(text: str | None) -> Loaded:
    """An input from the command line: JSON, or `@FILE` with JSON or YAML; an empty object when not given."""
    return {} if text is None else load_json(text, "--input ")


def load_json(text: str, option: str) -> Loaded:
    """A value from the command line: JSON, or `@FILE` with JSON or YAML; `option` is what stands before it."""
    if text.startswith("@"):
        return _load(Path(text[1:]))
    try:
        return json.loads(text)
    except ValueError as error:
        name = option.rstrip(" =")
        raise Complaint(
            f'{name} is not JSON ({error}): write for example {option}\'{{"name": "Ada"}}\', or {option}@FILE.'
        ) from error


def _load(path: Path) -> Loaded:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Complaint(f"{path} cannot be read ({reason}): check the path.") from error
    try:
        if path.suffix == ".json":
            return json.loads(text)
        return yaml.load(text, _PlainLoader)  # noqa: S506 - a safe loader, only plainer
    except json.JSONDecodeError as error:
        raise Complaint(f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}).") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Complaint(f"{path}{where}: not YAML ({error.problem or error.context}).") from error
    except yaml.YAMLError as error:
        raise Complaint(f"{path}: not YAML ({error}).") from error

"""Writes and checks `docs/reference/`: AsyncAPI of each service, OpenAPI of the gateway, and every message.

python -m tests.support.references write|check
"""

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from chassis.asyncapi import asyncapi
from chassis.service import Service
from gateway.app import openapi_document
from tests.support.messages import messages_page

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
SERVICES = ("blueprint", "execution", "metrics", "access")
WIDTH = 120
HEADER = "# Generated from the code by `./task docs`; edits here are lost.\n"


def asyncapi_page(service: str) -> str:
    """What a service hears, says and answers, as YAML in an order that is always the same."""
    definition: Service[Any] = importlib.import_module(f"{service}.app").SERVICE
    document = asyncapi(definition)
    for section in ("channels", "operations"):
        document[section] = _sorted(document[section])
    document["components"] = {part: _sorted(found) for part, found in document["components"].items()}
    return HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=WIDTH)


def openapi_page() -> str:
    """The HTTP interface, as `/openapi.json` serves it."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "messages.md": messages_page,
    "openapi.json": openapi_page,
    **{f"asyncapi/{service}.yaml": partial(asyncapi_page, service) for service in SERVICES},
}
"""File below `docs/reference/` -> what makes its text. None of them needs a connection."""


def drifted() -> list[str]:
    """The pages that do not say what the code says."""
    return [name for name, page in PAGES.items() if _written(FOLDER / name) != page()]


def write() -> None:
    """Bring every page to what the code says."""
    for name, page in PAGES.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page())


def _written(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _sorted(found: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(found.items()))


def main(arguments: list[str]) -> int:
    """The command line; answers the exit code."""
    if arguments == ["write"]:
        write()
        return 0
    if arguments == ["check"]:
        stale = drifted()
        for name in stale:
            print(f"docs/reference/{name} does not say what the code says: run `./task docs` and commit it")
        return 1 if stale else 0
    print(f"usage: python -m tests.support.references write|check, not {' '.join(arguments) or 'nothing'}")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Reads `infra/compose.yaml` as Docker would: with its variables filled in."""

import re
from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).resolve().parents[2] / "infra"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<text>[^}]*))?\}")


def required_variables() -> set[str]:
    """The variables without which nothing starts."""
    found = VARIABLE.finditer((INFRA / "compose.yaml").read_text())
    return {match["name"] for match in found if match["kind"] == "?"}


def example_variables() -> dict[str, str]:
    """What `.env.example` offers to be filled in."""
    lines = (INFRA / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def services(environment: dict[str, str]) -> dict[str, Any]:
    """The services of the file, each variable replaced by its value or by its default."""

    def value(match: re.Match[str]) -> str:
        return environment.get(match["name"]) or (match["text"] if match["kind"] == "-" else "")

    text = VARIABLE.sub(value, (INFRA / "compose.yaml").read_text())
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found

"""What a service's README lists is what the service does: what it hears, what it says, what it keeps."""

import importlib
import re
from collections.abc import Iterator

import pytest

from chassis.service import Service
from tests.architecture.sources import PACKAGES, ROOT

SERVICES = ("blueprint", "execution", "metrics", "access")
CREATED = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
DROPPED = re.compile(r"DROP TABLE (?:IF EXISTS )?(\w+)")


def service(name: str) -> Service:
    """The service as its process runs it."""
    return importlib.import_module(f"{name}.app").SERVICE


def section(name: str, heading: str) -> str:
    """What stands under a heading of the README."""
    text = (ROOT / "services" / name / "README.md").read_text()
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def tables(name: str) -> Iterator[str]:
    """The tables that the service's own migrations leave behind."""
    text = "\n".join(path.read_text() for path in sorted((PACKAGES[name] / "migrations").glob("*.up.sql")))
    yield from set(CREATED.findall(text)) - set(DROPPED.findall(text))


@pytest.mark.parametrize("name", SERVICES)
def test_a_readme_lists_every_request_that_is_answered(name: str):
    heard = section(name, "Hears")

    assert [request.__name__ for request in service(name).answers if f"`{request.__name__}`" not in heard] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_readme_lists_every_fact_that_is_said(name: str):
    said = section(name, "Says")

    assert [event.topic() for event in service(name).says if f"`{event.topic()}`" not in said] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_readme_lists_every_table_that_is_kept(name: str):
    kept = section(name, "Keeps")

    assert sorted(table for table in tables(name) if f"`{table}`" not in kept) == []

"""Read models are tables: JSON stands only where the content is somebody else's, and money is never a float."""

import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PACKAGES

COLUMN = re.compile(
    r"^\s+(\w+)\s+(jsonb?|real|float4|float8|float|double precision|money)\b", re.IGNORECASE | re.MULTILINE
)
TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)^\)", re.DOTALL | re.MULTILINE)
ALTERED = re.compile(r"ALTER TABLE (\w+)\s+ADD COLUMN (?:IF NOT EXISTS )?(\w+)\s+(jsonb?)", re.IGNORECASE)
ABOUT_MONEY = re.compile(r"cost|price|usd|amount")

FREE_FORM = {
    "blueprint": {"workflow_nodes.config", "workflow_blueprint_versions.input_schema"},
    "execution": {"workflow_instances.input", "workflow_instances.output", "workflow_instances.metadata"},
    "metrics": set(),
    "access": set(),
}
"""The only columns of type json or jsonb, by service."""


def columns(service: str) -> Iterator[tuple[str, str]]:
    """Every JSON or floating column of a service's migrations as (`table.column`, type)."""
    for path in sorted((PACKAGES[service] / "migrations").glob("*.up.sql")):
        text = path.read_text()
        for table, body in TABLE.findall(text):
            yield from ((f"{table}.{column}", kind.lower()) for column, kind in COLUMN.findall(body))
        yield from ((f"{table}.{column}", kind.lower()) for table, column, kind in ALTERED.findall(text))


@pytest.mark.parametrize("service", FREE_FORM)
def test_json_stands_only_where_the_content_is_free_form(service: str):
    found = {column for column, kind in columns(service) if kind.startswith("json")}

    assert found - FREE_FORM[service] == set()


def test_the_list_of_free_form_columns_is_current():
    found = {column for column, kind in columns("blueprint") if kind.startswith("json")}

    assert found == FREE_FORM["blueprint"]


@pytest.mark.parametrize("service", FREE_FORM)
def test_money_is_never_a_float(service: str):
    floats = {column for column, kind in columns(service) if not kind.startswith("json")}

    assert {column for column in floats if ABOUT_MONEY.search(column)} == set()

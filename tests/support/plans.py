"""How PostgreSQL would carry out what is asked of it: which tables it would read from end to end."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg


class Planned:
    """A connection that has every query planned before it asks it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Nothing was asked yet."""
        self.connection = connection
        self.asked = 0
        self.scanned: set[str] = set()
        """The tables that a query read without an index."""
        self.indexes: set[str] = set()
        """The indexes that a query walked."""

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Plan and ask."""
        self.asked += 1
        [[plan]] = await self.connection.fetch(f"EXPLAIN (FORMAT JSON) {statement}", *values)
        planned = list(nodes(json.loads(plan)[0]["Plan"]))
        self.scanned |= {node["Relation Name"] for node in planned if _scans(node)}
        self.indexes |= {node["Index Name"] for node in planned if "Index Name" in node}
        found: list[asyncpg.Record] = await self.connection.fetch(statement, *values)
        return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def _scans(node: dict[str, Any]) -> bool:
    return str(node["Node Type"]).endswith("Seq Scan")

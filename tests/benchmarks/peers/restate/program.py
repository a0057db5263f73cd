"""Asks Restate for chains of no-op steps through its HTTP ingress; runs in Restate's own environment.

Follows docs.restate.dev/services/invocation/http (request and response through the ingress) and
docs.restate.dev/services/introspection (what the journals hold, asked in SQL through the admin API).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.benchmarks.peers.pacing import serve

RUNS_A_QUERY = 500
RECORDED = """
    SELECT id FROM sys_journal
    WHERE id IN ({runs}) AND entry_type IN ('Notification: Run', 'Command: Output')
    GROUP BY id HAVING count(*) = {steps} + 1
"""
"""The result of each step is a notification in the journal; the output of the handler ends it."""


class Engine:
    """A client of Restate's two doors."""

    def __init__(self, session: aiohttp.ClientSession, settings: Mapping[str, Any]) -> None:
        self._session = session
        self._ingress, self._admin = settings["ingress"], settings["admin"]

    async def chain(self, steps: int) -> str:
        """Call the handler and wait for its answer."""
        async with self._session.post(f"{self._ingress}/chains/run", json=steps) as answer:
            if await answer.json() != steps:
                raise RuntimeError(f"Restate answered {answer.status}: {await answer.text()}")
            return answer.headers["x-restate-id"]

    async def recorded(self, runs: Sequence[str], steps: int) -> set[str]:
        """Those whose journal, kept for a day, has the result of each step."""
        found: set[str] = set()
        for at in range(0, len(runs), RUNS_A_QUERY):
            names = ", ".join(f"'{run}'" for run in runs[at : at + RUNS_A_QUERY])
            query = {"query": RECORDED.format(runs=names, steps=steps)}
            async with self._session.post(
                f"{self._admin}/query", json=query, headers={"accept": "application/json"}
            ) as answer:
                found |= {row["id"] for row in (await answer.json())["rows"]}
        return found


@asynccontextmanager
async def opened(settings: Mapping[str, Any]) -> AsyncIterator[Engine]:
    """The doors of a Restate server that knows the service at the URL of the settings."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), raise_for_status=True) as session:
        await session.post(f"{settings['admin']}/deployments", json={"uri": settings["service"]})
        yield Engine(session, settings)


if __name__ == "__main__":
    serve(opened)

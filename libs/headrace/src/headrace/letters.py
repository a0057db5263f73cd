"""Dead letters: the facts that a projection could not take, kept by each service."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headrace.errors import Complaint

Report = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """Which letters are meant: these, those of a projection, or all."""

    ids: frozenset[UUID] = frozenset()
    projection: str | None = None

    def means(self, letter: Mapping[str, Any]) -> bool:
        """Whether the letter is one of them."""
        chosen = not self.ids or UUID(letter["id"]) in self.ids
        return chosen and self.projection in (None, letter["projection"])


async def read_dead_letters(dsns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The newest letters of each of these services, newest first."""
    lists = await asyncio.gather(*(_of_service(service, dsn) for service, dsn in dsns.items()))
    return sorted((letter for letters in lists for letter in letters), key=lambda letter: letter["at"], reverse=True)


async def redrive(
    dsns: Mapping[str, str], nats_url: str, namespace: str, choice: Choice, report: Report
) -> list[dict[str, Any]]:
    """Make the projections of the chosen letters anew; what became of the letters, by projection."""
    from headrace.rebuilding import rebuild

    letters = [letter for letter in await read_dead_letters(dsns) if choice.means(letter)]
    if choice.ids and not letters:
        raise Complaint("No such letter is listed: `headrace dead-letters` shows the ids.")
    facts = [letter for letter in letters if letter["position"]]
    if letters and not facts:
        raise Complaint("No relay published these, so they have no place in a ledger: `headrace dead-letters discard`.")
    tried = []
    for service, projection in sorted({(letter["service"], letter["projection"]) for letter in facts}):
        before = await _count(dsns, service, projection)
        report(f"{service}/{projection} is made anew …")
        done = await rebuild(nats_url, namespace, service, projection)
        after = await _count(dsns, service, projection)
        position = done[projection]
        tried.append(
            {
                "service": service,
                "projection": projection,
                "position": position,
                "applied": max(0, before - after),
                "remaining": after,
            }
        )
    return tried


async def discard(dsns: Mapping[str, str], ids: Sequence[UUID], reason: str) -> int:
    """List these letters no more, whichever service keeps them; answers how many there were."""
    from chassis import dead_letters

    counts: Counter[str] = Counter()
    for service, dsn in dsns.items():
        async with _looking_at(service, dsn) as connection:
            counts[service] = await dead_letters.discard(connection, ids, reason)
    return counts.total()


async def _count(dsns: Mapping[str, str], service: str, projection: str) -> int:
    """How many facts the projection has put aside."""
    return sum(
        letter["projection"] == projection and bool(letter["position"])
        for letter in await _of_service(service, dsns[service])
    )


async def _of_service(service: str, dsn: str) -> list[dict[str, Any]]:
    from chassis import dead_letters

    async with _looking_at(service, dsn) as connection:
        letters = await dead_letters.dead_letters(connection)
    return [
        {
            "id": str(letter.id),
            "service": service,
            "projection": letter.projection,
            "source": letter.source,
            "position": letter.position,
            "topic": letter.topic,
            "error": letter.error,
            "at": letter.at.isoformat(),
        }
        for letter in letters
    ]


@asynccontextmanager
async def _looking_at(service: str, dsn: str) -> AsyncIterator[Any]:
    from headrace.migration import connect

    connection = await connect(service, dsn)
    try:
        await connection.execute("SELECT set_config('search_path', $1, false)", service)
        yield connection
    finally:
        await connection.close()

"""Dead letters: the facts that a projection could not take, kept by each service."""

import asyncio
from collections.abc import Mapping
from typing import Any


async def read_dead_letters(dsns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The newest letters of each of these services, newest first."""
    lists = await asyncio.gather(*(_of_service(service, dsn) for service, dsn in dsns.items()))
    return sorted((letter for letters in lists for letter in letters), key=lambda letter: letter["at"], reverse=True)


async def _of_service(service: str, dsn: str) -> list[dict[str, Any]]:
    from chassis import dead_letters
    from headrace.migration import connect

    connection = await connect(service, dsn)
    try:
        await connection.execute("SELECT set_config('search_path', $1, false)", service)
        letters = await dead_letters.dead_letters(connection)
    finally:
        await connection.close()
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

"""How far a projection has come: a ledger position that moves in the transaction of the rows, or not at all."""

import asyncpg

BEGIN = "INSERT INTO checkpoints (projection, source, position) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING"
READ = "SELECT position FROM checkpoints WHERE projection = $1"
ADVANCE = "UPDATE checkpoints SET position = $3, updated_at = now() WHERE projection = $1 AND position = $2"
ADVANCED = "UPDATE 1"


class CheckpointMoved(Exception):
    """Another writer (a rebuild, a new leader) has moved the checkpoint: read it again and go on from there."""


async def begin(connection: asyncpg.Connection, projection: str, source: str) -> int:
    """The checkpoint, made at 0 when the projection is new."""
    await connection.execute(BEGIN, projection, source)
    return await read(connection, projection)


async def read(connection: asyncpg.Connection | asyncpg.Pool, projection: str) -> int:
    """The position up to which the rows are true; 0 for a projection that never ran."""
    return int(await connection.fetchval(READ, projection) or 0)


async def advance(connection: asyncpg.Connection, projection: str, position: int, to: int) -> None:
    """Move the checkpoint in the running transaction, as its first statement.

    The row stays locked until the commit, which keeps every other writer of the projection out; whoever comes second
    finds another position than it believed in and hears `CheckpointMoved`.
    """
    if await connection.execute(ADVANCE, projection, position, to) != ADVANCED:
        raise CheckpointMoved(f"the checkpoint of {projection} is not at {position} any more")

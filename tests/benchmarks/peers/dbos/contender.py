"""DBOS: a library whose workflows live in the process that asks, and whose records live in PostgreSQL."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.peer import Peer, durable_postgres

POOL_SIZE = 20
"""DBOS's own default."""


class DBOS(Peer):
    """DBOS Transact on PostgreSQL."""

    name = "DBOS"
    packages = ("dbos",)

    def serve(self, stack: ExitStack, folder: Path) -> dict[str, Any]:
        """PostgreSQL is all the server that there is."""
        return {"dsn": durable_postgres(stack), "pool_size": POOL_SIZE}

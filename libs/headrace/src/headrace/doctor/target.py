"""What is examined: a deployment, as far as whoever asks can reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """Addresses of one deployment. `data_dir` is set where the servers are the embedded ones."""

    nats_url: str
    namespace: str
    dsns: Mapping[str, str]
    """By service, as its own role."""
    url: str | None = None
    """The gateway, where it is known."""
    data_dir: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the services are told, as far as it can be seen from here."""

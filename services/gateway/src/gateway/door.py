"""All that stands between a socket and the endpoints: who comes in, what browsers hear, what is written down."""

from dataclasses import dataclass
from typing import Self

from litestar.config.cors import CORSConfig

from chassis.bus import Bus
from chassis.settings import Settings
from gateway.addresses import Proxies
from gateway.auditing import Auditor
from gateway.auth import Entrance
from gateway.browsers import cors
from gateway.principals import Principals
from gateway.tokens import Tokens


@dataclass(frozen=True)
class DoorPolicy:
    """What the deployment chose."""

    tokens: Tokens
    proxies: Proxies
    cors: CORSConfig | None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Raises `BadSettings` with a sentence that says what to change."""
        return cls(
            Tokens.from_settings(settings), Proxies.from_text(settings.trusted_proxies), cors(settings.cors_origins)
        )


class Door:
    """Opens as a context: it hears what access says, and what was seen is written down before it closes."""

    def __init__(self, policy: DoorPolicy, bus: Bus) -> None:
        """Nobody comes in yet."""
        self.policy = policy
        self.bus = bus
        self.auditor = Auditor(bus)
        self._principals = Principals(bus)
        self.entrance = Entrance(policy.tokens, self._principals, policy.proxies)

    async def __aenter__(self) -> Self:
        """Begin to hear and to write down."""
        await self._principals.listen()
        await self.auditor.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write down what is left."""
        await self.auditor.__aexit__()
        await self._principals.close()

"""Where a request comes from: its peer, or what proxies of the deployment's own say of whom they speak for."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from litestar.types import HTTPScope

from chassis.settings import BadSettings

FORWARDED_FOR = b"x-forwarded-for"
HOPS_READ = 32
"""Of a header that names more, only the last ones are looked at: who wrote the others is not to be known."""
ADDRESSES_REMEMBERED = 4_096
UNKNOWN = "unknown"
"""A peer without an address: a socket in the file system."""


class Proxies:
    """The networks whose word about the client counts."""

    def __init__(self, *networks: IPv4Network | IPv6Network) -> None:
        """Without any, a client is who connects."""
        self._networks = networks

    @classmethod
    def from_text(cls, text: str) -> Self:
        """From networks in CIDR notation, comma-separated; raises `BadSettings`."""
        try:
            return cls(*(ip_network(part.strip()) for part in text.split(",") if part.strip()))
        except ValueError as error:
            raise BadSettings(
                f"HEADRACE_TRUSTED_PROXIES={text!r} cannot be used: {error}; write networks such as 10.0.0.0/8"
            ) from error

    def client_of(self, scope: HTTPScope) -> str:
        """The address of whoever asks: the rightmost hop that is none of our proxies."""
        peer = scope["client"]
        address = _plain(peer[0]) if peer else None
        if address is None:
            return UNKNOWN
        if not self._networks or not self._trusts(address):
            return address
        for hop in reversed(_hops(scope)):
            said = _plain(hop)
            if said is None:
                break
            address = said
            if not self._trusts(address):
                break
        return address

    def _trusts(self, address: str) -> bool:
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


def _hops(scope: HTTPScope) -> list[str]:
    named = b",".join(value for name, value in scope["headers"] if name == FORWARDED_FOR)
    return [hop.strip() for hop in named.decode("latin-1").split(",")][-HOPS_READ:]


@lru_cache(ADDRESSES_REMEMBERED)
def _plain(hop: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; None when there is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        parsed = ip_address(hop)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)

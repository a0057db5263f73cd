"""Which addresses `http` nodes may reach: the public internet, and what the deployment lets them reach besides."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LAST_PORT = 65_535
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")

METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",
            "169.254.169.253",
            "169.254.170.2",
            "169.254.170.23",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ),
    )
)
"""Where clouds hand out a machine's credentials: an allowed network does not open them, only the very address does."""

NOT_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
"""What IANA has set aside (special-purpose addresses), spelled out: Python's own list changes with its version."""

PUBLIC_V6 = IPv6Network("2000::/3")
"""What of IPv6 has been given out at all; everything else is local, reserved or multicast."""
NOT_PUBLIC_V6: tuple[IPv6Network, ...] = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"))
)
NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
TEREDO = IPv6Network("2001::/32")
ISATAP = 0x5EFE
"""The middle of the interface part of an address that carries an IPv4 address at its end (RFC 5214)."""

OTHER_PROTOCOLS = frozenset(
    {
        *(7, 9, 13, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111),
        *(113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532),
        *(540, 548, 554, 556, 563, 587, 601, 636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2375),
        *(2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4222, 5060, 5061, 5432, 5672, 5900, 6000, 6379, 6566, 6665),
        *(6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 10080, 11211, 27017),
    }
)
"""Ports where something else than HTTP listens (mail, databases, shells): a request could be read as its commands."""


class BadAddressRule(Exception):
    """An entry of `HEADRACE_HTTP_ALLOW` that is none; the sentence says which and what one looks like."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the deployment allows: a host by its name or a network, on one port or on all."""

    host: str | None
    network: Network | None
    port: int | None

    @classmethod
    def of(cls, text: str) -> Self:
        """`host`, `host:port`, `10.0.0.0/8`, `[fd00::1]:8080`; raises `BadAddressRule`."""
        name, port = _split(text)
        try:
            return cls(None, ip_network(name, strict=False), port)
        except ValueError:
            pass
        host = _plain(name)
        if not HOST.fullmatch(host):
            raise BadAddressRule(f"{text!r} is none of host, host:port, address, network (10.1.0.0/16)")
        return cls(host, None, port)

    def names(self, host: str, port: int) -> bool:
        """Whether it allows this host by its name, wherever that leads."""
        return self.host == host and self.port in (None, port)

    def holds(self, address: Address, port: int) -> bool:
        """Whether the address is in its network; of the metadata of clouds only when it names just that address."""
        if self.network is None or address not in self.network or self.port not in (None, port):
            return False
        return address not in METADATA or self.network.num_addresses == 1


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What a deployment decided; without entries the public internet alone may be reached."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Entries separated by commas or spaces; raises `BadAddressRule`."""
        return cls(tuple(Entry.of(entry) for entry in text.replace(",", " ").split()))

    def allow(self, host: str, address: Address, port: int) -> bool:
        """Whether a connection to this very address may be opened for a URL with this host.

        A host that the deployment named may lead anywhere but to the metadata of clouds.
        """
        named = any(entry.names(_plain(host), port) for entry in self.entries)
        return all(self._allow(meant, port, named=named) for meant in _meant(address))

    def _allow(self, address: Address, port: int, *, named: bool) -> bool:
        if any(entry.holds(address, port) for entry in self.entries):
            return True
        if named:
            return address not in METADATA
        return is_public(address) and port not in OTHER_PROTOCOLS


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may own the address."""
    if address in METADATA:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC)
    if address in NAT64 or address in TEREDO:
        return True  # judged by the addresses within it
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)


def _meant(address: Address) -> Iterator[Address]:
    """The address itself, unless it only spells another, and every IPv4 address that it carries."""
    if isinstance(address, IPv4Address):
        yield address
        return
    spelled = _spelled(address)
    if spelled is not None:
        yield spelled
        return
    yield IPv6Address(int(address))  # without a zone
    yield from _carried(address)


def _spelled(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is merely written in six (mapped, or the old compatible form), if it is one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    number = int(address)
    return IPv4Address(number) if 1 < number <= int(IPv4Address("255.255.255.255")) else None


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    last = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in NAT64 or (int(address) >> 32) & 0xFFFF == ISATAP:
        yield last
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _split(text: str) -> tuple[str, int | None]:
    name, colon, port = text.rpartition(":")
    bracketed = name.startswith("[") and name.endswith("]")
    if not colon or (":" in name and not bracketed):
        return text.strip("[]"), None
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= LAST_PORT):
        raise BadAddressRule(f"{text!r} ends in no port from 1 to {LAST_PORT}")
    return name.strip("[]"), int(port)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")

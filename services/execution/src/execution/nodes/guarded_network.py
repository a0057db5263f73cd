"""Connections of `http` nodes: a name is resolved once, its addresses are judged, and just those are connected to.

Nobody asks a second time where a name leads, so an answer that changes in between (DNS rebinding) changes nothing;
whichever way a URL spells an address, what is judged is what the system made of it. TLS still verifies the name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from execution.nodes.action import NodeFailure
from execution.nodes.addresses import AddressRules

MAX_CONNECTIONS = 200
MAX_ADDRESSES_TRIED = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses behind a host's name; raises `OSError` when there are none."""


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the system says, each address once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that the rules allow, and to no others."""

    def __init__(self, rules: AddressRules, resolve: Resolve = system_resolver) -> None:
        """`resolve` is asked once for each connection."""
        self._rules = rules
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers; raises `NodeFailure` for a denied one."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} does not answer") from None

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """There are none for nodes."""
        raise denied(path)

    async def sleep(self, seconds: float) -> None:
        """Wait between two tries to connect."""
        await asyncio.sleep(seconds)

    async def _connect(
        self, host: str, port: int, local_address: str | None, socket_options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        last = httpcore.ConnectError(f"{host} has no address")
        for address in (await self._allowed(host, port))[:MAX_ADDRESSES_TRIED]:
            try:
                return await self._network.connect_tcp(
                    address, port, local_address=local_address, socket_options=socket_options
                )
            except httpcore.ConnectError:
                # Its own words would tell which address was tried.
                last = httpcore.ConnectError(f"no connection to {host}:{port}")
        raise last

    async def _allowed(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses: all of them allowed, or none is used."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError(f"{host} is not known") from None
        if not all(self._rules.allow(host, ip_address(one), port) for one in found):
            raise denied(host)
        return found


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over such a network; knows no proxy, which would resolve names in its own way."""

    def __init__(self, rules: AddressRules, resolve: Resolve = system_resolver) -> None:
        """Made once for all requests: connections are kept, each to where it was allowed to."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS // 10,
            keepalive_expiry=httpx.Limits().keepalive_expiry,
            network_backend=GuardedNetwork(rules, resolve),
        )


def denied(host: str) -> NodeFailure:
    """The failure of a node whose URL leads where it may not; says nothing of what is there."""
    sentence = (
        f"This deployment does not let `http` nodes reach {host}: they may call public addresses on the usual ports. "
        "Whoever operates it can name the host in HEADRACE_HTTP_ALLOW."
    )
    return NodeFailure("permanent", "address_denied", sentence)

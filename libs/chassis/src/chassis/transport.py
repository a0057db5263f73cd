"""Connections to NATS that hear whatever happens, and that nobody reads or forges where TLS is asked for.

It is by `tls://`, or by naming a certificate authority.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.errors import Error

from chassis.settings import BadSettings, Settings

SCHEME = "tls://"


class PatientClient(Client):
    """Goes on reading when the answer to a ping comes after whoever waited for it has given up.

    nats-py's own would read nothing more from then on, until its next pings were found unanswered: twenty seconds of
    deafness after every stall of the server that a `flush` or a `drain` did not wait out.
    """

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()


class TlsClient(PatientClient):
    """Says nothing, least of all its password, to a server that does not offer TLS."""

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - nats-py's
        if not info.get("tls_required"):
            raise Error("nats: TLS is asked for and this server offers none")
        await super()._process_info(info, initial_connection)


def client_for(tls: ssl.SSLContext | None) -> Client:
    """A connection to be made, which insists on TLS where there is a context for it."""
    return PatientClient() if tls is None else TlsClient()


def nats_tls(url: str) -> ssl.SSLContext | None:
    """How to know the server, and be known by it, as this process's environment says; None where TLS is not wanted."""
    chosen = Settings.load()
    if SCHEME not in url and chosen.nats_tls_ca is None:
        return None
    return tls_context(chosen.nats_tls_ca, chosen.nats_tls_cert, chosen.nats_tls_key)


def tls_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Verifies name and chain of the other side; shows a certificate of its own if there is one."""
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(str(path) for path in (ca, cert, key) if path is not None)
        raise BadSettings(f"HEADRACE_NATS_TLS_… cannot be used ({named}): {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

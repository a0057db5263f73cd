"""TLS in front of a Postgres that is built without: answers the client's wish for it, unwraps, and passes on."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.support.certificates import Certified

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""Eight bytes with which a client asks for TLS; `S` or `N` is the answer."""
CHUNK = 65_536
SOCKET = ".s.PGSQL.5432"


class TlsFront:
    """Listens on loopback; without a certificate it says that there is no TLS."""

    def __init__(self, dsn: str, certified: Certified | None) -> None:
        """`dsn` is the server behind it."""
        self._behind = urlsplit(dsn)
        self._context: ssl.SSLContext | None = None
        if certified is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certified.cert, certified.key)
        self.sealed = 0
        """Connections on which TLS was agreed."""
        self.forwarded = 0
        """Connections that reached the server."""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        assert self._server is not None
        self._server.close()

    def dsn(self, mode: str, ca: Path) -> str:
        """The server through this front, as `HEADRACE_POSTGRES_DSN` says it."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._behind.netloc.rpartition("@")[0] or "postgres"
        return f"postgresql://{user}@127.0.0.1:{port}{self._behind.path}?sslmode={mode}&sslrootcert={ca}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            assert await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST
            writer.write(b"N" if self._context is None else b"S")
            await writer.drain()
            if self._context is not None:
                await writer.start_tls(self._context)
                self.sealed += 1
            first = await reader.read(CHUNK)
            if first:
                self.forwarded += 1
                await self._forward(first, reader, writer)
        writer.close()

    async def _forward(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, out = await self._connect()
        out.write(first)
        ways = [asyncio.create_task(_pass(reader, out)), asyncio.create_task(_pass(back, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        out.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._behind.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(str(Path(folder[0]) / SOCKET))
        return await asyncio.open_connection(self._behind.hostname, self._behind.port)


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()

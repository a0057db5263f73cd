"""A door in front of Postgres that can fall shut at the worst moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

CHUNK = 65_536


class PostgresProxy:
    """Passes bytes both ways; `cut_answer_to(word)` lets one request through and cuts the line before its answer."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._word: bytes | None = None
        self._armed = False
        self.cuts = 0
        self.dsn = ""

    def cut_answer_to(self, word: bytes) -> None:
        """Cut the connection on which a request with these bytes was sent, when Postgres has answered it."""
        self._word = word

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await self._connect()
        cut = asyncio.Event()

        def on_request(data: bytes) -> bool:
            if self._word is not None and self._word in data:
                self._word = None
                cut.set()
            return True

        def on_answer(_: bytes) -> bool:
            if cut.is_set():
                self.cuts += 1
                return False
            return True

        await asyncio.gather(
            _pump(reader, server_writer, on_request), _pump(server_reader, writer, on_answer), return_exceptions=True
        )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port = self._target.port or 5432
        folder = parse_qs(self._target.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._target.hostname, port)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["PostgresProxy"]:
        """Open the door; `dsn` leads through it."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        credentials = self._target.netloc.rpartition("@")[0] or "postgres"
        self.dsn = f"postgresql://{credentials}@{address}{self._target.path}?sslmode=disable"
        try:
            yield self
        finally:
            server.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, passes: Callable[[bytes], bool]) -> None:
    try:
        while (data := await source.read(CHUNK)) and passes(data):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()

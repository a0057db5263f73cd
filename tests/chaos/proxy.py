"""A door between a service and a server: it can be cut, slowed, held shut, or torn in the middle of a message."""

import asyncio
from collections.abc import Awaitable, Callable

CHUNK_BYTES = 65_536

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Proxy:
    """Passes bytes both ways on one port of this machine, until somebody treats it badly."""

    def __init__(self, dial: Dial) -> None:
        """`dial` opens a connection to the real server."""
        self._dial = dial
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tear: tuple[bytes, Callable[[], None]] | None = None
        self._open = asyncio.Event()
        self._open.set()
        self.delay_seconds = 0.0
        self.port = 0

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and cut what is connected."""
        if self._server is not None:
            self._server.close()
        self._open.set()
        self.cut()

    def cut(self) -> int:
        """Break every connection in the middle of whatever it carries; answers how many there were."""
        cut = len(self._writers)
        for writer in tuple(self._writers):
            writer.transport.abort()
        return cut

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._writers) // 2

    def hold(self) -> None:
        """Let nothing pass, as a network that swallows everything does."""
        self._open.clear()

    def release(self) -> None:
        """Let everything pass again, at once."""
        self.delay_seconds = 0.0
        self._tear = None
        self._open.set()

    def tear_at(self, word: bytes, torn: Callable[[], None]) -> None:
        """Let half of the next request with these bytes through, cut its connection, and call `torn`."""
        self._tear = (word, torn)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await self._dial()
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._writers |= both
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, requests=True),
                self._pump(server_reader, writer, requests=False),
                return_exceptions=True,
            )
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, requests: bool) -> None:
        try:
            while data := await source.read(CHUNK_BYTES):
                await self._open.wait()
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if requests and self._tear is not None and self._tear[0] in data:
                    (_, torn), self._tear = self._tear, None
                    sink.write(data[: len(data) // 2])
                    await sink.drain()
                    torn()
                    sink.transport.abort()
                    return
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


def over_tcp(port: int) -> Dial:
    """To a port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def over_socket(path: str) -> Dial:
    """To a unix socket."""
    return lambda: asyncio.open_unix_connection(path)

"""What a server may answer to an `http` node: packed, endless, trickling, with cookies."""

import asyncio
import gzip
import zlib

import pytest

from contracts.workflow import MAX_VALUE_BYTES
from tests.security.calling import acting, failure
from tests.support.node_calls import failure_of, node_call
from tests.support.web_server import Reply, web_server


async def test_cookies_of_one_run_are_not_sent_with_another() -> None:
    async with web_server(Reply(200, {"set-cookie": "session=ada"})) as server, acting("127.0.0.1") as action:
        for _ in range(2):
            await action.run(node_call({"url": server.url}))
    assert ["cookie" in asked.headers for asked in server.asked] == [False, False]


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda raw: zlib.compress(raw, wbits=-15))],
    )
    async def test_is_unpacked(self, encoding: str, pack) -> None:
        reply = Reply(200, {"content-encoding": encoding}, (pack(b"packed"),))
        async with web_server(reply) as server, acting("127.0.0.1") as action:
            assert (await action.run(node_call({"url": server.url}))).output["body"] == "packed"

    async def test_counts_by_what_comes_out_of_it(self) -> None:
        bomb = gzip.compress(b"\0" * (64 * MAX_VALUE_BYTES))
        async with web_server(Reply(200, {"content-encoding": "gzip"}, (bomb,))) as server:
            failed = await failure(server.url, allow="127.0.0.1")
        assert (failed.type, failed.code) == ("permanent", "answer_too_large")

    @pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
    async def test_packed_otherwise_is_refused(self, encoding: str) -> None:
        async with web_server(Reply(200, {"content-encoding": encoding}, (b"x",))) as server:
            assert (await failure(server.url, allow="127.0.0.1")).code == "bad_answer"

    async def test_that_is_not_what_it_says_is_refused(self) -> None:
        async with web_server(Reply(200, {"content-encoding": "gzip"}, (b"plain",))) as server:
            assert (await failure(server.url, allow="127.0.0.1")).code == "bad_answer"

    async def test_with_endless_headers_is_refused(self) -> None:
        async with web_server(Reply(200, {f"x-{number}": "v" * 1_000 for number in range(300)})) as server:
            assert (await failure(server.url, allow="127.0.0.1")).code == "http_unreachable"

    async def test_that_trickles_in_for_ever_ends(self) -> None:
        async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            try:
                while True:
                    writer.write(b".")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            except ConnectionError:
                writer.close()

        async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server, acting("127.0.0.1") as action:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            failed = await failure_of(action, node_call({"url": url}, timeout_seconds=0.2))
        assert (failed.type, failed.code) == ("timeout", "http_timeout")

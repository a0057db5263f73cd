"""A stand-in for a model provider, a process of its own: answers chat completions after a while, and counts as told.

The prompt is two numbers: the tokens that the answer shall say it read and wrote. The address goes to stdout.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import orjson
import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
TEXT = "Yes."
PATIENCE_SECONDS = 10.0


class Speaker(asyncio.Protocol):
    """One kept-alive connection, one question at a time."""

    def __init__(self, seconds: float) -> None:
        """Every answer takes so long."""
        self._seconds = seconds
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody called."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer later, once the question is whole."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= _content_length(bytes(head)):
            answer = answer_to(bytes(body))
            self._received.clear()
            asyncio.get_running_loop().call_later(self._seconds, self._say, answer)

    def _say(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(HEAD % (len(answer), answer))


def answer_to(question: bytes) -> bytes:
    """The completion whose usage the last message asks for."""
    prompt, completion = map(int, orjson.loads(question)["messages"][-1]["content"].split())
    message = {"role": "assistant", "content": TEXT}
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


@contextmanager
def fake_provider(seconds: float) -> Iterator[str]:
    """One that answers after so long; yields its base URL."""
    command = [sys.executable, "-m", "tests.benchmarks.fake_provider", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _serve(seconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Speaker(seconds), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1])))

"""What a server answered to an `http` node: read within bounds, judged by its status."""

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from contracts.workflow import MAX_VALUE_BYTES
from execution.nodes.action import NodeCall, NodeFailure
from execution.retry_after import retry_after_seconds

MAX_QUOTED_CHARACTERS = 500
"""Of an unexpected answer, in the failure's message."""
PASSING_STATUSES = frozenset({408, 425, 429})
"""Client errors that go away by themselves; so does every status from 500."""
ACCEPTED_ENCODINGS = "gzip, deflate"
"""What is unpacked with a bound on what comes out: a few bytes may hold a thousand times as many."""
_WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
"""zlib's `wbits`; `deflate` comes with a zlib head or, from some servers, without one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    """Names in lower case; values of a repeated header joined by commas."""
    body: Any


async def read_answer(call: NodeCall, response: httpx.Response) -> Answer:
    """The whole answer, refused as soon as it is too large; every piece of it is a sign of life."""
    chunks, size = [], 0
    call.heartbeat()
    async for chunk in _unpacked(call, response):
        size += len(chunk)
        if size > MAX_VALUE_BYTES:
            sentence = f"The answer is larger than {MAX_VALUE_BYTES:,} bytes; ask for less of it."
            raise NodeFailure("permanent", "answer_too_large", sentence)
        chunks.append(chunk)
    return Answer(response.status_code, dict(response.headers), _body(response, b"".join(chunks)))


def expected(status: int, wanted: int | list[int] | None) -> bool:
    """Whether the status is a success: 2xx unless the node says otherwise."""
    if wanted is None:
        return httpx.codes.is_success(status)
    return status in (wanted if isinstance(wanted, list) else [wanted])


def unexpected(answer: Answer) -> NodeFailure:
    """What a status that was not expected means for the node."""
    passing = answer.status in PASSING_STATUSES or answer.status >= httpx.codes.INTERNAL_SERVER_ERROR
    quoted = answer.body if isinstance(answer.body, str) else orjson.dumps(answer.body).decode()
    where = f" (Location: {answer.headers['location']})" if "location" in answer.headers else ""
    return NodeFailure(
        "transient" if passing else "permanent",
        "http_status",
        f"The server answered {answer.status}{where}: {quoted[:MAX_QUOTED_CHARACTERS]}",
        retry_after_seconds(answer.headers),
    )


async def _unpacked(call: NodeCall, response: httpx.Response) -> AsyncIterator[bytes]:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        async for chunk in response.aiter_raw():
            call.heartbeat()
            yield chunk
        return
    if encoding not in _WINDOWS:
        sentence = f"The answer is packed as {encoding!r}; this node unpacks {ACCEPTED_ENCODINGS}."
        raise NodeFailure("permanent", "bad_answer", sentence)
    unpacker: zlib._Decompress | None = None
    async for chunk in response.aiter_raw():
        call.heartbeat()
        unpacker = unpacker or _unpacker(encoding, chunk)
        yield _unpack(unpacker, chunk)


def _unpacker(encoding: str, first: bytes) -> "zlib._Decompress":
    """The one whose head the first bytes have, else the last that there is."""
    for window in _WINDOWS[encoding]:
        try:
            zlib.decompressobj(window).decompress(first, 1)
        except zlib.error:
            continue
        return zlib.decompressobj(window)
    return zlib.decompressobj(_WINDOWS[encoding][-1])


def _unpack(unpacker: "zlib._Decompress", chunk: bytes) -> bytes:
    """At most one byte more than an answer may have, whatever is packed in the chunk."""
    try:
        return unpacker.decompress(unpacker.unconsumed_tail + chunk, MAX_VALUE_BYTES + 1)
    except zlib.error as error:
        sentence = f"The answer cannot be unpacked ({error})."
        raise NodeFailure("transient", "bad_answer", sentence) from error


def _body(response: httpx.Response, raw: bytes) -> Any:
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass  # it says JSON and is none: text, like anything else
    return raw.decode(response.encoding or "utf-8", errors="replace")

"""Commands that arrive malformed on the bus: answered with a refusal, and their handler is never called."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.answering import Desk
from chassis.bus import REFUSAL_HEADER
from contracts.message import Caller
from contracts.steering import SignalBody, SignalInstance

ID = UUID("0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10")
SIGNAL = orjson.loads(
    SignalInstance(
        caller=Caller(user_id="ada"), instance_id=ID, signal_id=ID, body=SignalBody(name="paid", payload={"a": 1})
    ).model_dump_json()
)


def with_payload(payload: bytes) -> bytes:
    return orjson.dumps(SIGNAL).replace(b'{"a":1}', payload)


BAD = (
    *(b"", b"{", b"null", b"[]", b"\xff", b"\x00", b"[" * 100_000, b'{"caller":' * 5_000, b'"text"', b"1e999"),
    *(b"{}", orjson.dumps({**SIGNAL, "instance_id": "../.."})),
    *map(with_payload, (b'"\\u0000"', b'{"\\u0000":1}', b'"\\ud800"', b"1e999", b"9" * 5_000, b"9223372036854775808")),
    *map(with_payload, (b"NaN", b"-Infinity", b"[" * 300 + b"]" * 300, b'"\xed\xa0\x80"')),
)


@pytest.mark.parametrize("data", BAD, ids=lambda data: f"{len(data)}-{data[:24]!r}")
async def test_what_is_no_command_is_refused_before_anybody_acts_on_it(data: bytes) -> None:
    acted: list[Any] = []

    async def handler(request: Any, deps: Any) -> None:
        acted.append(request)

    desk = Desk(SignalInstance, handler, None, 1_000_000)
    headers, body = await desk.answer(Msg(Client(), data=data))

    refusal = orjson.loads(body)
    assert headers is not None
    assert REFUSAL_HEADER in headers
    assert (refusal["status"], refusal["code"], acted) == (400, "malformed", [])


async def test_what_a_handler_raises_is_a_failure_with_an_id_and_nothing_else() -> None:
    async def handler(request: Any, deps: Any) -> None:
        raise ValueError("postgresql://user:secret@db")

    headers, body = await Desk(SignalInstance, handler, None, 1_000_000).answer(
        Msg(Client(), data=orjson.dumps(SIGNAL))
    )

    assert headers is not None
    assert orjson.loads(body)["code"] == "internal_error"
    assert b"secret" not in body

"""Requests that nobody means well with: refused with a problem, never with a defect, and not passed on."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from gateway import bodies
from tests.gateway.fakes import FakeHouse, problem_of, stranger

BLUEPRINTS = "/api/v2/blueprints"
INSTANCES = "/api/v2/instances"
VALID = b'{"name":"n","nodes":[{"id":"a","type":"start"}]}'
REFUSED = {400, 404, 405, 413, 415, 422}


def with_input(value: bytes) -> bytes:
    return b'{"input":' + value + b"}"


BOMBS = (
    b"[" * 4_000_000,
    b'{"a":' * 500_000,
    b"[" * 101 + b"]" * 101,
    b'{"a":' * 101 + b"1" + b"}" * 101,
    b"1e999",
    b"-1e999",
    b"9" * 5_000,
    b"-" + b"9" * 1_000_000,
    b"1" + b"0" * 5_000 + b".5",
    b"0." + b"9" * 100_000 + b"e400",
    b"9223372036854775808",
    b"NaN",
    b"-Infinity",
    b'"\\u0000"',
    b'"a\x00b"',
    b'{"\\u0000":1}',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'{"\\udfff":1}',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b"\xef\xbb\xbf1",
    b"1,",
    b"[1,]",
    b"'a'",
    b"01",
    b"+1",
    b"0x10",
    b"tru",
    b'"a\nb"',
    b"/* */ 1",
    b"1e",
    b"",
)


@pytest.mark.parametrize("value", BOMBS, ids=lambda value: f"{len(value)}-{value[:12]!r}")
async def test_values_that_nobody_can_keep_are_refused(ada: httpx.AsyncClient, house: FakeHouse, value: bytes):
    answer = await ada.post(f"{BLUEPRINTS}/{stranger()}/execute", content=with_input(value))

    assert problem_of(answer)[0] in (400, 422)
    assert house.asked == []


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\x1f\x8b", b"%PDF"])
async def test_a_body_that_is_no_json_in_utf8_is_refused(ada: httpx.AsyncClient, prefix: bytes):
    assert problem_of(await ada.post(BLUEPRINTS, content=prefix + VALID)) == (400, "malformed_json")
    assert problem_of(await ada.post(BLUEPRINTS, content=VALID.decode().encode("utf-16")))[0] == 400


async def test_of_members_with_the_same_name_the_last_one_counts(ada: httpx.AsyncClient):
    body = b'{"name":"n","nodes":[{"id":"a","type":"start"}],"name":7}'

    (error,) = (await ada.post(BLUEPRINTS, content=body)).json()["errors"]

    assert error["pointer"] == "/name"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Encoding": "gzip"}, "packed"),
        ({"Content-Encoding": "br, gzip"}, "packed"),
        ({"Content-Type": "application/xml"}, "not_json"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "not_json"),
        ({"Content-Type": "application/json; charset=utf-16"}, "not_utf8"),
        ({"Content-Type": 'application/json; charset="latin-1"'}, "not_utf8"),
    ],
)
async def test_a_body_that_says_that_it_is_something_else_is_a_415(
    ada: httpx.AsyncClient, headers: dict[str, str], code: str
):
    assert problem_of(await ada.post(BLUEPRINTS, content=VALID, headers=headers)) == (415, code)


async def test_a_body_that_comes_too_slowly_is_given_up(ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    assert problem_of(await ada.post(BLUEPRINTS, content=slowly())) == (400, "too_slow")


IDS = (
    "..",
    "%2e%2e",
    "%2E%2e%2f%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "a%00b",
    "%ff",
    "%c0%ae",
    "0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10%2f..",
    "0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10.json",
    "' OR 1=1 --",
    "*",
    ">",
    "a.b.c",
    "x" * 10_000,
)


@pytest.mark.parametrize("identifier", IDS, ids=lambda text: text[:24])
async def test_an_id_is_a_uuid_and_nothing_else(ada: httpx.AsyncClient, house: FakeHouse, identifier: str):
    for path in (f"{INSTANCES}/{identifier}", f"{BLUEPRINTS}/{identifier}", f"{INSTANCES}/{identifier}/logs"):
        answer = await ada.get(httpx.URL("http://gateway").copy_with(raw_path=path.encode()))
        assert answer.status_code in {400, 404}
    assert house.asked == []


@pytest.mark.parametrize("node", ["a%2fb", "%00", "%20", "a%0ab", "x" * 5_000, "a.*", ">"])
async def test_a_node_s_id_in_a_path_is_one(ada: httpx.AsyncClient, house: FakeHouse, node: str):
    path = f"{INSTANCES}/{stranger()}/nodes/{node}/cancel"

    answer = await ada.post(httpx.URL("http://gateway").copy_with(raw_path=path.encode()))

    assert answer.status_code in REFUSED
    assert house.asked == []


QUERIES = (
    *(b"limit=" + b"9" * 5_000, b"limit=1e3", b"limit=%00", b"cursor=" + b"a" * 60_000, b"q=%ff%fe", b"q=%00"),
    *(b"a" * 60_000, b"&".join([b"tag=a"] * 5_000), b"cursor=%2e%2e%2f", b"limit[]=1", b"limit=1;limit=2"),
    *(b"%6cimit=0", b"=", b"&&&"),
)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:16].decode())
async def test_a_query_that_cannot_be_used_is_a_400(ada: httpx.AsyncClient, house: FakeHouse, query: bytes):
    answer = await ada.get(httpx.URL("http://gateway").copy_with(raw_path=BLUEPRINTS.encode() + b"?" + query))

    assert answer.status_code in {400, 503}
    assert answer.headers["content-type"] == "application/problem+json"


class TestOverASocket:
    @pytest.mark.parametrize(
        "head",
        [
            b"GET /api/v2/instances HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"a" * 2_000_000 + b"\r\n\r\n",
            b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"NONSENSE\r\n\r\n",
            b"POST /api/v2/blueprints HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST /api/v2/blueprints HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST /api/v2/blueprints HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
            b"GET /api/v2/instances HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
            b"GET /api/v2/instances HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"\x00" * 100,
        ],
        ids=lambda head: head[-24:].decode("latin-1").strip() or "none",
    )
    async def test_whatever_comes_in_ends_without_a_defect_and_the_next_is_answered(
        self, served: httpx.AsyncClient, head: bytes
    ):
        where = urlsplit(str(served.base_url))
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            writer.write(head)
            writer.write_eof()
            said = await asyncio.wait_for(reader.read(), 20)
        except ConnectionError:
            said = b""
        finally:
            writer.close()
        assert not said.startswith(b"HTTP/1.1 5")

        assert (await served.get("/health/live")).status_code == 200


async def test_options_name_everything_that_is_possible_at_a_path(nobody: httpx.AsyncClient):
    assert (await nobody.options(BLUEPRINTS)).headers["allow"] == "GET, OPTIONS, POST"
    assert (await nobody.options(f"{BLUEPRINTS}/{stranger()}")).headers["allow"] == "DELETE, GET, OPTIONS, PUT"

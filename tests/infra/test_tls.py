"""TLS to NATS, to Postgres and at the gateway: who is not known is not talked to, and no password goes out in clear."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from chassis import bus as buses
from chassis.bus import Bus
from chassis.postgres import open_pool
from chassis.settings import BadSettings, Settings
from chassis.transport import tls_context
from contracts.refusal import Unavailable
from gateway.app import Server
from gateway.door import Door, DoorPolicy
from tests.infra.compose import INFRA
from tests.support.certificates import Authority, Certified
from tests.support.eventually import eventually
from tests.support.infrastructure import configured_nats
from tests.support.postgres_tls import TlsFront

NS = "sealed"
PATIENCE_SECONDS = 1.0
USER = "authorization { user: blueprint, password: spassword }\njetstream { store_dir: store }\n"
Variable = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def certified(authority: Authority) -> Certified:
    return authority.certify("server")


@pytest.fixture(scope="module")
def nats_address(authority: Authority, certified: Certified) -> Iterator[str]:
    """A server that is configured as `infra/nats/tls.conf` does it, with certificates that are here."""
    text = (INFRA / "nats/tls.conf").read_text()
    places = {"tls.crt": certified.cert, "tls.key": certified.key, "ca.crt": authority.cert}
    for name, path in places.items():
        text = text.replace(f"/etc/nats/tls/{name}", str(path))
    with configured_nats(USER + text) as url:
        yield urlsplit(url).netloc


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buses, "CONNECT_SECONDS", PATIENCE_SECONDS)


def tell(variables: Variable, **paths: Path) -> None:
    for name, path in paths.items():
        variables.setenv(f"HEADRACE_NATS_TLS_{name.upper()}", str(path))


async def connect(address: str, scheme: str = "tls") -> Bus:
    return await Bus.connect(f"{scheme}://blueprint:spassword@{address}", NS, "test")


class TestNats:
    @pytest.mark.parametrize("scheme", ["tls", "nats"])
    async def test_who_knows_the_authority_and_is_known_gets_in(
        self, nats_address, authority, certified, monkeypatch, scheme: str
    ):
        buses.CONNECT_SECONDS = 30.0
        tell(monkeypatch, ca=authority.cert, cert=certified.cert, key=certified.key)

        bus = await connect(nats_address, scheme)
        await bus.ensure_stream("blueprint")

        assert bus.connected
        await bus.close()

    async def test_a_server_of_another_authority_is_not_talked_to(self, nats_address, certified, folder, monkeypatch):
        tell(monkeypatch, ca=Authority(folder, "stranger").cert, cert=certified.cert, key=certified.key)

        with pytest.raises(Unavailable):
            await connect(nats_address)

    async def test_a_client_without_a_certificate_is_not_let_in(self, nats_address, authority, monkeypatch):
        tell(monkeypatch, ca=authority.cert)

        with pytest.raises(Unavailable):
            await connect(nats_address)

    @pytest.mark.parametrize("scheme", ["tls", "nats"])
    async def test_a_server_without_tls_never_hears_the_password(self, authority, monkeypatch, scheme: str):
        heard: list[bytes] = []

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'INFO {"server_id":"x","version":"2.14.0","max_payload":1048576,"headers":true}\r\n')
            heard.append(await reader.read(1024))
            writer.close()

        tell(monkeypatch, ca=authority.cert)
        listener = await asyncio.start_server(listen, "127.0.0.1", 0)
        host, port = listener.sockets[0].getsockname()

        with pytest.raises(Unavailable):
            await connect(f"{host}:{port}", scheme)

        listener.close()
        await eventually(lambda: heard)
        assert all(b"spassword" not in text for text in heard)

    def test_a_certificate_that_is_not_there_is_said_so(self, folder: Path):
        with pytest.raises(BadSettings, match=r"HEADRACE_NATS_TLS_.*missing\.pem"):
            tls_context(folder / "missing.pem", None, None)


@pytest.fixture
async def postgres(postgres_admin_dsn: str, certified: Certified) -> AsyncIterator[TlsFront]:
    """A Postgres behind TLS; the one of the wheel is built without."""
    async with TlsFront(postgres_admin_dsn, certified) as front:
        yield front


class TestPostgres:
    async def test_a_pool_verifies_the_server_by_its_dsn(self, postgres: TlsFront, authority: Authority):
        pool = await open_pool(postgres.dsn("verify-full", authority.cert), "public", min_size=1)

        assert await pool.fetchval("SELECT 1") == 1
        assert postgres.sealed > 0
        await pool.close()

    async def test_a_server_of_another_authority_is_not_talked_to(self, postgres: TlsFront, folder: Path):
        with pytest.raises((ssl.SSLError, OSError)):
            await asyncpg.connect(postgres.dsn("verify-full", Authority(folder, "another").cert))

    async def test_a_server_without_tls_is_not_talked_to(self, postgres_admin_dsn: str, authority: Authority):
        async with TlsFront(postgres_admin_dsn, None) as plain:
            with pytest.raises(ConnectionError):
                await asyncpg.connect(plain.dsn("verify-full", authority.cert))

            assert plain.forwarded == 0


class TestGateway:
    async def test_speaks_https_where_it_has_a_certificate(self, authority, certified, nats_url, namespace):
        buses.CONNECT_SECONDS = 30.0
        settings = Settings.load(nats_url=nats_url, namespace=namespace, jwt_secret="s" * 32)
        bus = await Bus.connect(nats_url, namespace, "gateway")
        async with Door(DoorPolicy.from_settings(settings), bus) as door:
            server = Server(door, (certified.cert, certified.key))
            with socket.create_server(("127.0.0.1", 0)) as listener:
                serving = asyncio.create_task(server.serve([listener]))
                await eventually(lambda: server.started)
                url = f"https://127.0.0.1:{listener.getsockname()[1]}/health/live"
                async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=authority.cert)) as client:
                    answer = await client.get(url)
                server.should_exit = True
                await serving
        await bus.close()

        assert answer.json() == {"status": "live"}

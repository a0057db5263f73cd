"""What browsers hear: to guess nothing, to keep nothing, and whose pages may ask."""

import httpx
import pytest

from chassis.settings import BadSettings, Settings
from gateway.browsers import cors
from tests.gateway.conftest import SECRET

PATH = "/api/v2/blueprints"
ORIGIN = "https://app.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}


@pytest.mark.parametrize(
    ("path", "private"), [(PATH, True), ("/api/v2/x", True), ("/docs", False), ("/metrics", False)]
)
async def test_every_answer_says_what_not_to_do_with_it(nobody: httpx.AsyncClient, path: str, private: bool):
    headers = (await nobody.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers.get("cache-control") == ("no-store" if private else None)


async def test_no_answer_says_what_serves_it(served: httpx.AsyncClient):
    headers = (await served.get("/health/live")).headers

    assert "server" not in headers
    assert "x-powered-by" not in headers


async def test_pages_of_others_are_told_nothing(nobody: httpx.AsyncClient):
    answers = [await nobody.options(PATH, headers=PREFLIGHT), await nobody.get(PATH, headers={"Origin": ORIGIN})]

    assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)


class TestWithOrigins:
    @pytest.fixture
    def settings(self, nats_url: str, namespace: str) -> Settings:
        return Settings.load(nats_url=nats_url, namespace=namespace, jwt_secret=SECRET, cors_origins=f"{ORIGIN}/, ")

    async def test_their_pages_may_ask(self, nobody: httpx.AsyncClient):
        asked = await nobody.options(PATH, headers=PREFLIGHT)
        told = await nobody.get(PATH, headers={"Origin": ORIGIN})

        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == ORIGIN
        assert told.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in told.headers

    @pytest.mark.parametrize("origin", ["https://app.example.evil.example", "http://app.example", "null"])
    async def test_no_others(self, nobody: httpx.AsyncClient, origin: str):
        asked = await nobody.options(PATH, headers=PREFLIGHT | {"Origin": origin})
        told = await nobody.get(PATH, headers={"Origin": origin})

        assert "access-control-allow-origin" not in asked.headers
        assert "access-control-allow-origin" not in told.headers


@pytest.mark.parametrize("text", ["*", "app.example", "https://*.example"])
def test_what_is_no_origin_is_refused_with_what_to_write(text: str):
    with pytest.raises(BadSettings, match=r"write each as https://app\.example"):
        cors(text)

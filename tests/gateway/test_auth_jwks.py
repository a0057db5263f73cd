"""Tokens of an identity provider: signed with keys that it publishes, and never with anything else."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chassis.settings import BadSettings, Settings
from contracts.refusal import Refusal
from gateway import signing_keys
from gateway.tokens import Tokens
from tests.gateway.conftest import SECRET

AUDIENCE, ISSUER = "headrace", "https://id.example"


@pytest.fixture(scope="module")
def private() -> dict[str, Any]:
    """The provider's private keys by their `kid`."""
    return {
        "rsa": rsa.generate_private_key(65_537, 2_048),
        "next": rsa.generate_private_key(65_537, 2_048),
        "short": rsa.generate_private_key(65_537, 1_024),  # noqa: S505 - to be refused
        "ec": ec.generate_private_key(ec.SECP256R1()),
    }


def published(private: dict[str, Any], *names: str, **members: Any) -> str:
    """The provider's document with some of its keys."""
    keys = []
    for name in names:
        algorithm = ECAlgorithm if name == "ec" else RSAAlgorithm
        keys.append(json.loads(algorithm.to_jwk(private[name].public_key())) | {"kid": name, "use": "sig"} | members)
    return json.dumps({"keys": keys})


def signed(key: Any, kid: str | None, algorithm: str = "RS256", **claims: Any) -> str:
    """A token of the provider's."""
    now = int(time.time())
    claims = {"sub": "ada", "exp": now + 60, "iat": now, "aud": AUDIENCE, "iss": ISSUER, **claims}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else {})


class Document:
    """The provider's document, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._path = path

    def says(self, text: str) -> None:
        self._path.write_text(text)

    @property
    def text(self) -> str:
        return self._path.read_text()


@pytest.fixture
def document(tmp_path: Path, private: dict[str, Any]) -> Document:
    """A file with the keys."""
    document = Document(tmp_path / "jwks.json")
    document.says(published(private, "rsa", "ec"))
    return document


@pytest.fixture
def tokens(document: Document) -> Tokens:
    """What reads them, where no secret is configured."""
    return of(jwt_jwks=document.path)


def of(**settings: Any) -> Tokens:
    """Tokens as settings choose."""
    chosen = {"jwt_audience": AUDIENCE, "jwt_issuer": ISSUER, "jwt_secret": None, **settings}
    return Tokens.from_settings(Settings.load(**chosen))


async def refused(tokens: Tokens, token: str) -> str:
    """The code of the refusal."""
    with pytest.raises(Refusal) as refusal:
        await tokens.read(token)
    return refusal.value.code


@pytest.mark.parametrize(("kid", "algorithm"), [("rsa", "RS256"), ("ec", "ES256")])
async def test_a_token_of_a_published_key_holds(tokens: Tokens, private: dict, kid: str, algorithm: str):
    claims = await tokens.read(signed(private[kid], kid, algorithm, teams=["engines"], roles=["engines:editor"]))

    assert (claims.user_id, claims.teams, claims.roles) == ("ada", ("engines",), ("engines:editor",))


class TestWhatIsRefused:
    async def test_a_key_that_is_not_published(self, tokens: Tokens, private: dict):
        assert await refused(tokens, signed(private["next"], "next")) == "bad_token"

    async def test_another_key_under_a_published_name(self, tokens: Tokens, private: dict):
        assert await refused(tokens, signed(private["next"], "rsa")) == "bad_token"

    async def test_a_token_that_names_no_key(self, tokens: Tokens, private: dict):
        assert await refused(tokens, signed(private["rsa"], None)) == "bad_token"

    async def test_a_shared_secret_where_none_is_configured(self, tokens: Tokens):
        assert await refused(tokens, signed(SECRET, "rsa", "HS256")) == "bad_token"

    async def test_the_public_key_taken_for_a_shared_secret(self, document: Document, private: dict):
        both = of(jwt_jwks=document.path, jwt_secret=SECRET)
        header, payload, _ = signed(SECRET, "rsa", "HS256").split(".")
        forged = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        public = json.dumps(json.loads(document.text)["keys"][0]).encode()
        signature = jwt.utils.base64url_encode(forged.sign(f"{header}.{payload}".encode(), public)).decode()

        assert await refused(both, f"{header}.{payload}.{signature}") == "bad_token"

    async def test_an_algorithm_that_is_not_that_of_its_key(self, tokens: Tokens, private: dict):
        assert await refused(tokens, signed(private["ec"], "rsa", "ES256")) == "bad_token"

    @pytest.mark.parametrize("algorithm", ["RS384", "PS256"])
    async def test_an_algorithm_that_is_not_ours(self, tokens: Tokens, private: dict, algorithm: str):
        assert await refused(tokens, signed(private["rsa"], "rsa", algorithm)) == "bad_token"

    async def test_no_signature_at_all(self, tokens: Tokens):
        assert await refused(tokens, signed("", "rsa", "none")) == "bad_token"

    @pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
    async def test_a_published_key_that_is_too_short(self, document: Document, tokens: Tokens, private: dict):
        document.says(published(private, "short"))

        assert await refused(tokens, signed(private["short"], "short")) == "bad_token"

    async def test_a_secret_that_stands_among_the_public_keys(self, document: Document, tokens: Tokens):
        key = {"kty": "oct", "kid": "shared", "k": jwt.utils.base64url_encode(SECRET.encode()).decode()}
        document.says(json.dumps({"keys": [key]}))

        assert await refused(tokens, signed(SECRET, "shared", "HS256")) == "bad_token"

    @pytest.mark.parametrize(
        "claims",
        [{"aud": "another"}, {"aud": None}, {"aud": ["another"]}, {"iss": "https://else.example"}, {"iss": None}],
    )
    async def test_a_token_for_somebody_else(self, tokens: Tokens, private: dict, claims: dict):
        assert await refused(tokens, signed(private["rsa"], "rsa", **claims)) == "bad_token"


async def test_both_kinds_hold_where_both_are_configured(document: Document, private: dict):
    both = of(jwt_jwks=document.path, jwt_secret=SECRET)

    assert (await both.read(signed(private["rsa"], "rsa"))).user_id == "ada"
    assert (await both.read(signed(SECRET, None, "HS256", sub="bob"))).user_id == "bob"


async def test_a_new_key_is_found_but_looked_for_only_so_often(
    document: Document, tokens: Tokens, private: dict, monkeypatch: pytest.MonkeyPatch
):
    await tokens.read(signed(private["rsa"], "rsa"))
    document.says(published(private, "next"))
    assert await refused(tokens, signed(private["next"], "next")) == "bad_token"

    monkeypatch.setattr(signing_keys, "REFETCH_SECONDS", 0.0)

    assert (await tokens.read(signed(private["next"], "next"))).user_id == "ada"
    assert await refused(tokens, signed(private["rsa"], "rsa")) == "bad_token"


async def test_keys_stay_when_their_document_has_gone(
    document: Document, tokens: Tokens, private: dict, monkeypatch: pytest.MonkeyPatch
):
    token = signed(private["rsa"], "rsa")
    await tokens.read(token)
    document.says("[]")
    monkeypatch.setattr(signing_keys, "REFETCH_SECONDS", 0.0)

    assert await refused(tokens, signed(private["next"], "next")) == "bad_token"
    assert (await tokens.read(token)).user_id == "ada"


async def test_without_any_keys_nobody_can_say_whether_a_token_holds(tmp_path: Path, private: dict):
    assert await refused(of(jwt_jwks=str(tmp_path / "none.json")), signed(private["rsa"], "rsa")) == "keys_unavailable"


@pytest.fixture
def provider(private: dict[str, Any]) -> Iterator[str]:
    """The URL of a provider that answers once, and then sends everybody elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = published(private, "rsa").encode()
            self.send_response(200 if self.path == "/keys" else 302)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/keys")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_keys_are_fetched_from_a_provider(provider: str, private: dict):
    assert (await of(jwt_jwks=f"{provider}/keys").read(signed(private["rsa"], "rsa"))).user_id == "ada"


async def test_a_provider_that_sends_elsewhere_is_not_followed(provider: str, private: dict):
    assert await refused(of(jwt_jwks=f"{provider}/moved"), signed(private["rsa"], "rsa")) == "keys_unavailable"


@pytest.mark.parametrize("source", ["http://id.example/keys", "ftp://id.example/keys", "file:///etc/passwd"])
def test_keys_come_from_nowhere_else(source: str):
    with pytest.raises(BadSettings, match="name an https URL, or a file"):
        of(jwt_jwks=source)

"""The verbs about who may do what: what they ask, what they say, and what they never show."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from headrace.embedded.secrets import secrets_of
from tests.headrace.served import Served, served_gateway

ROLE = {"team_id": "research", "role": "editor"}
ADA: dict[str, Any] = {"user_id": "ada", "display_name": "Ada L.", "active": True, "erased": False, "roles": [ROLE]}
GONE = ADA | {"display_name": None, "active": False, "erased": True, "roles": []}
KEY = {"id": "k1", "name": "laptop", "owner_id": "ada", "scopes": ["read", "edit"], "expires_at": None}
SECRET = {"name": "TOKEN", "kind": "team", "owner": "shop", "version": 2, "updated_at": "2026-01-31T12:00:00.000Z"}
UNLIMITED = dict.fromkeys(("executions_per_day", "concurrent_executions", "tokens_per_day", "cost_per_day"))
QUOTA = {"kind": "team", "owner": "research", **UNLIMITED, "executions_per_day": 100, "cost_per_day": 2.5}
ENTRY = {
    "at": "2026-01-31T12:00:00.000Z",
    "user_id": "ada",
    "address": "::1",
    "action": "POST /blueprints/{id}/execute",
    "target": "b1",
    "status": 403,
    "refusal": "not_yours",
    "erased": False,
}
WHOLE = {"entries": 7, "intact": True, "broken_at": None, "head": "9f86"}
COMMANDS = {
    "users": "list add deactivate activate erase grant revoke",
    "keys": "issue list revoke",
    "secrets": "set list delete",
    "quotas": "list set",
    "audit": "list verify export",
}
SAID: list[tuple[list[str], str, Any, str]] = [
    (
        ["users", "list", "--team", "research"],
        "GET /users?limit=200&team=research",
        [ADA],
        "ada  active  research:editor",
    ),
    (["users", "list"], "GET /users?limit=200", [], "Nobody is registered"),
    (["users", "add", "ada", "--name", "Ada L."], "PUT /users/ada", ADA, "Ada L."),
    (["users", "deactivate", "ada"], "POST /users/ada/deactivate", ADA | {"active": False}, "ada  inactive"),
    (["users", "activate", "a b/c"], "POST /users/a%20b%2Fc/activate", ADA, "ada  active"),
    (["users", "erase", "ada", "--yes"], "DELETE /users/ada", GONE, "ada  erased  no roles\n"),
    (["users", "grant", "ada", "*", "admin"], "PUT /users/ada/roles/%2A/admin", ADA, "research:editor"),
    (["users", "revoke", "ada", "research", "editor"], "DELETE /users/ada/roles/research/editor", ADA, "ada"),
    (
        ["keys", "list", "--owner", "ada"],
        "GET /api-keys?limit=200&owner=ada",
        [KEY | {"revoked_at": None}, KEY | {"revoked_at": "2026"}],
        "k1  ada  read,edit  expires never  laptop\nk1  ada  read,edit  revoked 2026  laptop\n",
    ),
    (["keys", "list"], "GET /api-keys?limit=200", [], "No API keys"),
    (["keys", "revoke", "k1"], "DELETE /api-keys/k1", KEY, "Revoked k1 (laptop).\n"),
    (["secrets", "list", "--team", "shop"], "GET /secrets?team=shop", {"items": [SECRET]}, "TOKEN  version 2"),
    (["secrets", "list"], "GET /secrets", {"items": []}, "No secrets"),
    (["secrets", "delete", "TOKEN", "--team", "shop"], "DELETE /secrets/TOKEN?team=shop", SECRET, "Forgot TOKEN.\n"),
    (
        ["quotas", "list"],
        "GET /quotas",
        {"items": [QUOTA, QUOTA | UNLIMITED]},
        "team research: 100 executions a day, 2.5 US dollars a day\nteam research: not limited\n",
    ),
    (["quotas", "list"], "GET /quotas", {"items": []}, "No quotas"),
    (["quotas", "set", "team", "research", "--cost", "2.5"], "PUT /quotas/team/research", QUOTA, "team research: 100"),
    (
        ["audit", "list", "--of", "ada", "--since", "2026-01-31T00:00:00Z"],
        "GET /audit?limit=200&user=ada&since=2026-01-31T00%3A00%3A00Z",
        [ENTRY],
        "2026-01-31T12:00:00.000Z  ada  POST /blueprints/{id}/execute b1  403 not_yours  from ::1\n",
    ),
    (["audit", "list"], "GET /audit?limit=200", [], "Nothing was asked for.\n"),
    (["audit", "export", "--of", "ada"], "GET /audit/export?user=ada", ENTRY, json.dumps(ENTRY) + "\n"),
    (["audit", "verify"], "GET /audit/verify", WHOLE, "7 entries, whole. Head: 9f86\n"),
]


@pytest.fixture
def gateway() -> Iterator[Served]:
    with served_gateway() as served:
        yield served


@pytest.fixture
def told(headrace, gateway: Served):
    """What a command says, when the gateway answers so."""

    def run(asked: str, answer: Any, *command: str, status: int = 0) -> str:
        page = {"items": answer, "next_cursor": None} if isinstance(answer, list) else answer
        gateway.answers[asked.partition(" ")[2]] = (200, page)
        ended, out, err = headrace(*command, "--url", gateway.url, "--token", "hr_key")
        assert ended == status, err
        assert gateway.asked == [asked]
        return out

    return run


@pytest.mark.parametrize(("command", "asked", "answer", "words"), SAID)
def test_a_command_asks_and_says_what_came_of_it(told, command, asked, answer, words):
    assert words in told(asked, answer, *command)


@pytest.mark.parametrize(("command", "asked", "answer", "words"), [said for said in SAID if said[0][1] != "export"])
def test_it_says_so_as_json_too(told, command, asked, answer, words):
    shown = json.loads(told(asked, answer, *command, "--json"))

    assert shown == (answer["items"] if isinstance(answer, dict) and "items" in answer else answer)


def test_an_api_key_goes_where_a_token_goes(headrace, gateway: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADRACE_TOKEN", "hr_0123_abc")
    gateway.answers["/quotas"] = (200, {"items": []})

    assert headrace("quotas", "list", "--url", gateway.url)[0] == 0
    assert gateway.tokens == ["hr_0123_abc"]


def test_whoever_holds_the_signing_key_is_the_admin_of_the_deployment(headrace, gateway: Served, tmp_path):
    secrets = secrets_of(tmp_path)
    gateway.answers["/quotas"] = (200, {"items": []})

    headrace("quotas", "list", "--url", gateway.url, "--data-dir", str(tmp_path), "--user", "ada")

    claims = jwt.decode(gateway.tokens[0], secrets.jwt, algorithms=["HS256"])
    assert (claims["sub"], claims["roles"]) == ("ada", ["*:admin"])


class TestAKey:
    def test_is_the_only_thing_on_standard_output(self, headrace, gateway: Served):
        gateway.answers["/api-keys"] = (201, KEY | {"key": "hr_k1_secret"})
        options = ["--scope", "read", "--team", "research", "--ttl", "90d", "--url", gateway.url, "--token", "t"]

        ended, out, err = headrace("keys", "issue", "laptop", *options)

        assert (ended, out) == (0, "hr_k1_secret\n")
        assert "shown this once" in err
        (body,) = gateway.bodies
        assert body.pop("expires_at").endswith("Z")
        assert body == {"name": "laptop", "scopes": ["read"], "teams": ["research"]}


class TestASecret:
    @pytest.fixture
    def kept(self, headrace, gateway: Served, monkeypatch: pytest.MonkeyPatch):
        """What is sent when this is piped in."""
        gateway.answers["/secrets/TOKEN"] = (200, SECRET)

        def run(piped: bytes, *options: str) -> tuple[int, str, Any]:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped), encoding="utf-8"))
            ended, out, err = headrace("secrets", "set", "TOKEN", *options, "--url", gateway.url, "--token", "t")
            return ended, out + err, gateway.bodies[-1] if gateway.bodies else None

        return run

    @pytest.mark.parametrize(("piped", "value"), [(b"s3cr3t", "s3cr3t"), (b"s3cr3t\n", "s3cr3t"), (b"a\nb\n", "a\nb")])
    def test_comes_from_a_pipe_and_is_not_shown(self, kept, piped: bytes, value: str):
        assert kept(piped) == (0, "Kept TOKEN of team shop, version 2.\n", {"value": value})

    def test_comes_from_a_file_as_it_stands_there(self, kept, tmp_path):
        (tmp_path / "key.pem").write_text("s3cr3t\n")

        assert kept(b"", "--from-file", "key.pem")[2] == {"value": "s3cr3t\n"}

    @pytest.mark.parametrize(
        ("piped", "options", "sentence"),
        [
            (b"", [], "There was no value on standard input"),
            (b"\xff\xfe", [], "is no UTF-8 text"),
            (b"", ["--from-file", "none.pem"], "none.pem cannot be read"),
        ],
    )
    def test_that_cannot_be_read_is_refused(self, kept, piped: bytes, options: list[str], sentence: str):
        ended, said, sent = kept(piped, *options)

        assert (ended, sent) == (1, None)
        assert sentence in said

    def test_is_no_argument(self, kept):
        assert kept(b"", "s3cr3t")[0] == 2


def test_a_trail_that_is_not_whole_is_told_by_the_exit_status(told):
    broken = WHOLE | {"intact": False, "broken_at": 4}

    assert "NOT whole: entry 4" in told("GET /audit/verify", broken, "audit", "verify", status=3)


def test_nobody_is_erased_without_being_sure(headrace, gateway: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))

    ended, _, err = headrace("users", "erase", "ada", "--url", gateway.url, "--token", "t")

    assert ended == 1
    assert "Erase ada for ever?" in err
    assert gateway.asked == []


@pytest.mark.parametrize("group", COMMANDS)
def test_every_command_says_what_it_is_for_with_an_example(headrace, group: str):
    for command in COMMANDS[group].split():
        status, out, _ = headrace(group, command, "--help")

        assert status == 0
        assert "Examples" in out
        assert f"headrace {group} {command}" in out

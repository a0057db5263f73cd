"""Users, roles, keys, secrets, quotas and the audit trail over HTTP: what is asked of access, and how it answers."""

from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from contracts.access import (
    ActivateUser,
    DeactivateUser,
    EraseUser,
    GetUser,
    GrantRole,
    ListUsers,
    RegisterUser,
    RevokeRole,
)
from contracts.api_keys import IssueApiKey, ListApiKeys, RevokeApiKey
from contracts.audit import ListAudit, VerifyAudit
from contracts.quotas import ListQuotas, QuotaLimits, SetQuota
from contracts.refusal import Forbidden, Missing
from contracts.secrets import DeleteSecret, ListSecrets, StoreSecret
from gateway import access_examples as examples
from tests.gateway.access import FakeAccess
from tests.gateway.fakes import FakeHouse, problem_of

V2 = "/api/v2"
KEY = UUID(examples.KEY_ID)
ASKED: list[tuple[str, str, Any, type, dict[str, Any], Any]] = [
    ("GET", "/users?team=engines&limit=5", None, ListUsers, {"team_id": "engines", "limit": 5}, examples.USER_PAGE),
    ("GET", "/users/bob", None, GetUser, {"user_id": "bob"}, examples.USER),
    ("GET", "/users/b%C3%B6b%20%7C%3A*%40x", None, GetUser, {"user_id": "böb |:*@x"}, examples.USER),
    ("PUT", "/users/bob", {"display_name": "Bob"}, RegisterUser, {"display_name": "Bob"}, examples.USER),
    ("PUT", "/users/bob", None, RegisterUser, {"user_id": "bob", "display_name": None}, examples.USER),
    ("DELETE", "/users/bob", None, EraseUser, {"user_id": "bob"}, examples.ERASED),
    ("POST", "/users/bob/deactivate", None, DeactivateUser, {"user_id": "bob"}, examples.INACTIVE),
    ("POST", "/users/bob/activate", None, ActivateUser, {"user_id": "bob"}, examples.USER),
    (
        "PUT",
        "/users/bob/roles/engines/editor",
        None,
        GrantRole,
        {"user_id": "bob", "team_id": "engines", "role": "editor"},
        examples.USER,
    ),
    ("PUT", "/users/bob/roles/*/admin", None, GrantRole, {"team_id": "*", "role": "admin"}, examples.USER),
    ("DELETE", "/users/bob/roles/engines/editor", None, RevokeRole, {"role": "editor"}, examples.USER),
    ("GET", "/api-keys?owner=bob", None, ListApiKeys, {"owner_id": "bob", "cursor": None}, examples.KEY_PAGE),
    ("DELETE", f"/api-keys/{KEY}", None, RevokeApiKey, {"key_id": KEY}, examples.REVOKED_KEY),
    ("GET", "/secrets", None, ListSecrets, {"team_id": None}, examples.SECRET_LIST),
    ("DELETE", "/secrets/TOKEN?team=engines", None, DeleteSecret, {"name": "TOKEN"}, examples.SECRET),
    ("GET", "/quotas", None, ListQuotas, {}, examples.QUOTA_LIST),
    (
        "PUT",
        "/quotas/team/engines",
        examples.QUOTA_BODY,
        SetQuota,
        {"kind": "team", "owner": "engines", "limits": QuotaLimits(**examples.QUOTA_BODY)},
        examples.QUOTA,
    ),
    ("GET", "/audit?user=bob", None, ListAudit, {"user_id": "bob", "since": None}, examples.AUDIT_PAGE),
    ("GET", "/audit/verify", None, VerifyAudit, {}, examples.VERDICT),
]


@pytest.mark.parametrize(("method", "path", "body", "request_type", "members", "answer"), ASKED)
async def test_access_is_asked_and_its_answer_passed_on(
    ada: httpx.AsyncClient, house: FakeHouse, method, path, body, request_type, members, answer
):
    await house.when(request_type, answer)

    told = await ada.request(method, V2 + path, json=body)

    assert (told.status_code, told.json()) == (200, answer)
    (asked,) = house.asked
    assert asked.caller.user_id == "ada"
    assert {name: getattr(asked, name) for name in members} == members


@pytest.mark.parametrize(
    "path",
    [
        "/users/a%00b",
        "/users/a%0Ab",
        "/users/a%7Fb",
        "/users/a%FFb",
        f"/users/{'a' * 256}",
        "/users/a%2Fb",
        "/users/bob/roles/a:b/editor",
        "/users/bob/roles/engines/boss",
        "/quotas/house/engines",
        "/secrets/not-a-name",
        "/secrets/_%24x",
        "/api-keys/7",
    ],
)
async def test_what_can_be_nobodys_name_names_nothing(ada: httpx.AsyncClient, house: FakeHouse, path: str):
    method = "GET" if path.count("/") == 2 and path.startswith("/users") else "DELETE"
    method = "PUT" if path.startswith("/quotas") else method

    assert problem_of(await ada.request(method, V2 + path)) == (404, "not_found")
    assert house.asked == []


async def test_who_one_is_is_told_without_asking_anybody(ada: httpx.AsyncClient, access: FakeAccess):
    access.user("ada", "engines:editor")

    told = await ada.get(f"{V2}/users/me")

    assert told.json() == examples.OWN


async def test_a_key_is_issued_once(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(IssueApiKey, examples.ISSUED_KEY)

    told = await ada.post(f"{V2}/api-keys", json=examples.KEY_BODY)

    assert (told.status_code, told.json()) == (201, examples.ISSUED_KEY)
    assert told.headers["location"] == f"{V2}/api-keys/{examples.KEY_ID}"
    assert told.headers["cache-control"] == "no-store"
    (asked,) = house.asked
    assert (asked.name, asked.scopes, asked.teams) == ("nightly build", ("read", "execute"), ("engines",))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["all"]},
        {"name": "x", "teams": ["*"]},
        {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "secret": "mine"},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(ada: httpx.AsyncClient, house: FakeHouse, body: dict):
    assert problem_of(await ada.post(f"{V2}/api-keys", json=body))[0] == 422
    assert house.asked == []


class TestASecret:
    async def test_goes_in(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(StoreSecret, examples.SECRET)

        told = await ada.put(f"{V2}/secrets/PAYMENTS_TOKEN?team=engines", json={"value": "s3cr3t"})

        assert told.json() == examples.SECRET
        (asked,) = house.asked
        assert (asked.name, asked.team_id, asked.value.get_secret_value()) == ("PAYMENTS_TOKEN", "engines", "s3cr3t")

    @pytest.mark.parametrize("value", ["", 7, "s3cr3t" * 10_000, "s3cr3t\0", ["s3cr3t"]])
    async def test_is_shown_in_no_refusal(self, ada: httpx.AsyncClient, house, value: Any, caplog, capsys):
        told = await ada.put(f"{V2}/secrets/A", json={"value": value})

        assert told.status_code == 422
        assert "s3cr3t" not in told.text + caplog.text + "".join(capsys.readouterr())


class TestTheAuditTrail:
    async def test_is_exported_page_after_page(self, ada: httpx.AsyncClient, house: FakeHouse):
        pages = {None: ("one", "next"), "next": ("two", None)}

        def page(query: ListAudit) -> dict[str, Any]:
            action, cursor = pages[query.cursor]
            return {"items": [examples.AUDITED | {"action": action}], "next_cursor": cursor}

        await house.when(ListAudit, page)

        told = await ada.get(f"{V2}/audit/export?user=bob&since=2026-01-01T00:00:00Z")

        assert told.headers["content-type"] == "application/x-ndjson"
        assert [orjson.loads(line)["action"] for line in told.text.splitlines()] == ["one", "two"]
        assert {(asked.user_id, asked.limit) for asked in house.asked} == {("bob", 200)}

    async def test_is_refused_as_a_whole(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(ListAudit, Forbidden("not_an_admin", "Only an admin may."))

        assert problem_of(await ada.get(f"{V2}/audit/export")) == (403, "not_an_admin")


async def test_what_access_refuses_is_a_problem(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(RevokeApiKey, Missing("no_such_key", "There is none."))

    assert problem_of(await ada.delete(f"{V2}/api-keys/{KEY}")) == (404, "no_such_key")

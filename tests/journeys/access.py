"""What there is to ask about who may do what, over HTTP."""

from typing import Any
from uuid import uuid4

from tests.journeys.things import LARGE, NOBODYS
from tests.support.api import Api

ERASED, KNOWN = f"erased-{uuid4()}", f"known-{uuid4()}"
BY_SHEER_NUMBER = {("putSecret", 409), ("putQuota", 409)}
"""So many secrets or quotas that there is no room for another one."""
SHAPES_OF_ACCESS = {
    "UserView": "user_id display_name active erased roles created_at",
    "OwnView": "user_id teams roles scopes",
    "ApiKeyView": "id name owner_id scopes teams created_at expires_at revoked_at",
    "IssuedApiKeyView": "id name owner_id scopes teams created_at expires_at revoked_at key",
    "SecretView": "name kind owner version created_at updated_at",
    "QuotaView": "kind owner executions_per_day concurrent_executions tokens_per_day cost_per_day updated_at",
    "RecordedAudit": "at user_id address action target status refusal key_id seq hash erased",
    "AuditVerdict": "entries intact broken_at head",
}
Request = tuple[int, str, str, dict[str, Any]]
Headers = dict[str, str]


async def little_keys(ada: Api) -> tuple[Headers, Headers]:
    """Two API keys: for management alone, for reading alone."""
    manage, read = [(await key_of(ada, scope))["key"] for scope in ("manage", "read")]
    return {"Authorization": f"Bearer {manage}"}, {"Authorization": f"Bearer {read}"}


async def key_of(ada: Api, scope: str) -> dict[str, Any]:
    """An API key of this scope."""
    issued: dict[str, Any] = await ada.ask("POST", "/api-keys", 201, json={"name": scope, "scopes": [scope]})
    return issued


async def known_and_erased(ada: Api) -> None:
    """One user who is known, and one who has been erased."""
    await ada.ask("PUT", f"/users/{KNOWN}")
    await ada.ask("DELETE", f"/users/{ERASED}")


BAD_QUERY: dict[str, Any] = {"params": {"colour": "blue"}}


def of_access(key_id: str, me: str) -> list[Request]:
    """Status, method, path and what else is sent."""
    return [*of_users(me), *of_what_has_a_body(), *of_keys(key_id)]


def of_users(me: str) -> list[Request]:
    """Whatever is asked without a body: lists, and users by their names; nobody shuts themselves out."""
    lists = ("users", "users/me", "quotas", "secrets", "api-keys", "audit", "audit/verify", "audit/export")
    role, bad_name = f"/users/{KNOWN}/roles/engines/editor", "a%00b"
    named = [
        ("GET", f"/users/{KNOWN}", f"/users/{bad_name}"),
        ("PUT", f"/users/{KNOWN}", f"/users/{bad_name}"),
        ("POST", f"/users/{KNOWN}/deactivate", f"/users/{bad_name}/deactivate"),
        ("POST", f"/users/{KNOWN}/activate", f"/users/{NOBODYS}/activate"),
        ("PUT", role, f"/users/{KNOWN}/roles/engines/boss"),
        ("DELETE", role, f"/users/{NOBODYS}/roles/engines/editor"),
        ("DELETE", f"/users/{ERASED}", f"/users/{bad_name}"),
    ]
    return [
        *((status, "GET", f"/{path}", sent) for path in lists for status, sent in ((200, {}), (400, BAD_QUERY))),
        *(
            (status, method, path, sent)
            for method, well, nowhere in named
            for status, path, sent in ((200, well, {}), (400, well, BAD_QUERY), (404, nowhere, {}))
        ),
        (409, "PUT", f"/users/{ERASED}", {"json": {"display_name": "Back"}}),
        (409, "POST", f"/users/{ERASED}/activate", {}),
        (409, "POST", f"/users/{me}/deactivate", {}),
        (409, "DELETE", f"/users/{me}", {}),
        (409, "PUT", f"/users/{ERASED}/roles/engines/editor", {}),
    ]


def of_what_has_a_body() -> list[Request]:
    """Names, secrets, quotas."""
    bodies = [
        (f"/users/{KNOWN}", {"display_name": "Known"}),
        ("/secrets/TOKEN", {"value": "s3cr3t"}),
        ("/quotas/user/somebody", {"executions_per_day": 7}),
    ]
    return [
        *(
            (status, "PUT", path, sent)
            for path, body in bodies
            for status, sent in (
                (200, {"json": body}),
                (400, {"content": b"{"}),
                (413, {"content": LARGE}),
                (422, {"json": {"colour": "blue"}}),
            )
        ),
        (404, "PUT", "/secrets/not-a-name", {"json": {"value": "s3cr3t"}}),
        (404, "PUT", "/quotas/house/somebody", {"json": {}}),
        (404, "DELETE", "/secrets/NOBODYS", {}),
        (400, "DELETE", "/secrets/TOKEN", BAD_QUERY),
        (200, "DELETE", "/secrets/TOKEN", {}),
    ]


def of_keys(key_id: str) -> list[Request]:
    """API keys: one to be revoked."""
    return [
        (201, "POST", "/api-keys", {"json": {"name": "mine"}}),
        (400, "POST", "/api-keys", {"content": b"{"}),
        (413, "POST", "/api-keys", {"content": LARGE}),
        (422, "POST", "/api-keys", {"json": {}}),
        (404, "DELETE", f"/api-keys/{NOBODYS}", {}),
        (400, "DELETE", f"/api-keys/{NOBODYS}", BAD_QUERY),
        (200, "DELETE", f"/api-keys/{key_id}", {}),
    ]

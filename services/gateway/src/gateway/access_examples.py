"""The examples of access that the interface's description shows; a test holds each against its model."""

from typing import Any

from gateway.examples import BEGIN, BLUEPRINT_ID, END, MIDDLE

KEY_ID = "0199c3f6-1a2b-7c3d-8e4f-5a6b7c8d9e0f"

USER_BODY = {"display_name": "Ada Lovelace"}
USER: dict[str, Any] = {
    "user_id": "ada",
    "display_name": "Ada Lovelace",
    "active": True,
    "erased": False,
    "roles": [{"team_id": "engines", "role": "editor"}],
    "created_at": BEGIN,
}
INACTIVE = {**USER, "active": False}
ERASED = {**USER, "display_name": None, "active": False, "erased": True, "roles": []}
USER_PAGE = {"items": [USER], "next_cursor": None}
OWN = {"user_id": "ada", "teams": ["engines"], "roles": ["engines:editor"], "scopes": None}

KEY_BODY = {"name": "nightly build", "scopes": ["read", "execute"], "teams": ["engines"], "expires_at": END}
KEY = {
    "id": KEY_ID,
    "name": "nightly build",
    "owner_id": "ada",
    "scopes": ["read", "execute"],
    "teams": ["engines"],
    "created_at": BEGIN,
    "expires_at": END,
    "revoked_at": None,
}
ISSUED_KEY = {**KEY, "key": "hr_0199c3f61a2b7c3d8e4f5a6b7c8d9e0f_shown-this-once-and-never-again"}
REVOKED_KEY = {**KEY, "revoked_at": MIDDLE}
KEY_PAGE = {"items": [KEY], "next_cursor": None}

SECRET_BODY = {"value": "what only nodes may read"}
SECRET = {
    "name": "PAYMENTS_TOKEN",
    "kind": "team",
    "owner": "engines",
    "version": 2,
    "created_at": BEGIN,
    "updated_at": MIDDLE,
}
SECRET_LIST = {"items": [SECRET]}

QUOTA_BODY = {"executions_per_day": 10_000, "concurrent_executions": 50, "tokens_per_day": None, "cost_per_day": 25}
QUOTA = {
    "kind": "team",
    "owner": "engines",
    "executions_per_day": 10_000,
    "concurrent_executions": 50,
    "tokens_per_day": None,
    "cost_per_day": 25.0,
    "updated_at": BEGIN,
}
QUOTA_LIST = {"items": [QUOTA]}

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AUDITED = {
    "at": BEGIN,
    "user_id": "ada",
    "address": "203.0.113.7",
    "action": "POST /blueprints/{id}/execute",
    "target": BLUEPRINT_ID,
    "status": 200,
    "refusal": None,
    "key_id": KEY_ID,
    "seq": 4711,
    "hash": HASH,
    "erased": False,
}
AUDIT_PAGE = {"items": [AUDITED], "next_cursor": None}
VERDICT = {"entries": 4711, "intact": True, "broken_at": None, "head": HASH}

"""What the interface of access promises: endpoints, shapes, examples."""

from typing import Any

from contracts.access import UserPage, UserView
from contracts.api_keys import ApiKeyPage, ApiKeyView, IssuedApiKeyView
from contracts.audit import AuditPage, AuditVerdict, RecordedAudit
from contracts.quotas import QuotaList, QuotaView
from contracts.secrets import SecretList, SecretView
from gateway import access_examples as examples
from gateway.api.users import OwnView, UserBody

BODY = {"413", "415", "422"}
PAGED = {"limit", "cursor"}
NAMED = {"200", "404"}
PROMISED: dict[tuple[str, str], tuple[str, set[str], set[str]]] = {
    ("get", "/users"): ("listUsers", {"200"}, {"team"} | PAGED),
    ("get", "/users/me"): ("getOwnUser", {"200"}, set()),
    ("get", "/users/{user_id}"): ("getUser", NAMED, set()),
    ("put", "/users/{user_id}"): ("putUser", NAMED | {"409"} | BODY, set()),
    ("delete", "/users/{user_id}"): ("eraseUser", NAMED | {"409"}, set()),
    ("post", "/users/{user_id}/deactivate"): ("deactivateUser", NAMED | {"409"}, set()),
    ("post", "/users/{user_id}/activate"): ("activateUser", NAMED | {"409"}, set()),
    ("put", "/users/{user_id}/roles/{team}/{role}"): ("grantRole", NAMED | {"409"}, set()),
    ("delete", "/users/{user_id}/roles/{team}/{role}"): ("revokeRole", NAMED, set()),
    ("post", "/api-keys"): ("issueApiKey", {"201"} | BODY, set()),
    ("get", "/api-keys"): ("listApiKeys", {"200"}, {"owner"} | PAGED),
    ("delete", "/api-keys/{id}"): ("revokeApiKey", {"200", "404"}, set()),
    ("get", "/secrets"): ("listSecrets", {"200"}, {"team"}),
    ("put", "/secrets/{name}"): ("putSecret", NAMED | {"409"} | BODY, {"team"}),
    ("delete", "/secrets/{name}"): ("deleteSecret", NAMED, {"team"}),
    ("get", "/quotas"): ("listQuotas", {"200"}, set()),
    ("put", "/quotas/{kind}/{owner}"): ("putQuota", NAMED | {"409"} | BODY, set()),
    ("get", "/audit"): ("listAudit", {"200"}, {"user", "since", "until"} | PAGED),
    ("get", "/audit/verify"): ("verifyAudit", {"200"}, set()),
    ("get", "/audit/export"): ("exportAudit", {"200"}, {"user", "since", "until"}),
}
LIST = {"items", "next_cursor"}
KEY = {"id", "name", "owner_id", "scopes", "teams", "created_at", "expires_at", "revoked_at"}
LIMITS = {"executions_per_day", "concurrent_executions", "tokens_per_day", "cost_per_day"}
MEMBERS = {
    "UserView": {"user_id", "display_name", "active", "erased", "roles", "created_at"},
    "RoleHeld": {"team_id", "role"},
    "UserPage": LIST,
    "UserBody": {"display_name"},
    "OwnView": {"user_id", "teams", "roles", "scopes"},
    "ApiKeyBody": {"name", "scopes", "teams", "expires_at"},
    "ApiKeyView": KEY,
    "IssuedApiKeyView": KEY | {"key"},
    "ApiKeyPage": LIST,
    "SecretBody": {"value"},
    "SecretView": {"name", "kind", "owner", "version", "created_at", "updated_at"},
    "SecretList": {"items"},
    "QuotaLimits": LIMITS,
    "QuotaView": LIMITS | {"kind", "owner", "updated_at"},
    "QuotaList": {"items"},
    "RecordedAudit": {"at", "user_id", "address", "action", "target", "status", "refusal", "key_id"}
    | {"seq", "hash", "erased"},
    "AuditPage": LIST,
    "AuditVerdict": {"entries", "intact", "broken_at", "head"},
}
EXAMPLES: list[tuple[Any, dict[str, Any]]] = [
    (UserBody, examples.USER_BODY),
    (UserView, examples.USER),
    (UserView, examples.INACTIVE),
    (UserView, examples.ERASED),
    (UserPage, examples.USER_PAGE),
    (OwnView, examples.OWN),
    (ApiKeyView, examples.KEY),
    (ApiKeyView, examples.REVOKED_KEY),
    (IssuedApiKeyView, examples.ISSUED_KEY),
    (ApiKeyPage, examples.KEY_PAGE),
    (SecretView, examples.SECRET),
    (SecretList, examples.SECRET_LIST),
    (QuotaView, examples.QUOTA),
    (QuotaList, examples.QUOTA_LIST),
    (RecordedAudit, examples.AUDITED),
    (AuditPage, examples.AUDIT_PAGE),
    (AuditVerdict, examples.VERDICT),
]

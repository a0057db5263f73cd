"""What a client asks about access: users, roles, API keys, secrets, quotas, the audit trail."""

from collections.abc import Iterator
from typing import Any

from headrace.connection import Connection, JsonObject, given, part


class AccessCalls(Connection):
    """One method for each route about who may do what; most are for admins of the deployment."""

    def own_user(self) -> JsonObject:
        """Who the token or key speaks for: `{user_id, teams, roles, scopes}`."""
        return self._ask("GET", "/users/me")

    def users(self, team: str | None = None) -> Iterator[JsonObject]:
        """Every user, newest first, or those with a role in a team."""
        return self._pages("/users", {"team": team})

    def user(self, user_id: str) -> JsonObject:
        """One user with the roles that access granted."""
        return self._ask("GET", f"/users/{part(user_id)}")

    def put_user(self, user_id: str, display_name: str | None = None) -> JsonObject:
        """Make a user known, or change the display name."""
        return self._ask("PUT", f"/users/{part(user_id)}", json={"display_name": display_name})

    def erase_user(self, user_id: str) -> JsonObject:
        """Erase a user for ever."""
        return self._ask("DELETE", f"/users/{part(user_id)}")

    def deactivate_user(self, user_id: str) -> JsonObject:
        """Let a user in no more."""
        return self._ask("POST", f"/users/{part(user_id)}/deactivate")

    def activate_user(self, user_id: str) -> JsonObject:
        """Let a user in again."""
        return self._ask("POST", f"/users/{part(user_id)}/activate")

    def grant_role(self, user_id: str, team: str, role: str) -> JsonObject:
        """Give a role in a team, or in the deployment (`*`)."""
        return self._ask("PUT", _role(user_id, team, role))

    def revoke_role(self, user_id: str, team: str, role: str) -> JsonObject:
        """Take a role away."""
        return self._ask("DELETE", _role(user_id, team, role))

    def issue_key(self, name: str, **bounds: Any) -> JsonObject:
        """A key that acts as the caller, `key` in the answer; bounds: scopes, teams, expires_at."""
        return self._ask("POST", "/api-keys", json={"name": name, **given(**bounds)})

    def keys(self, owner: str | None = None) -> Iterator[JsonObject]:
        """API keys without their secrets, newest first."""
        return self._pages("/api-keys", {"owner": owner})

    def revoke_key(self, key_id: str) -> JsonObject:
        """End a key."""
        return self._ask("DELETE", f"/api-keys/{part(key_id)}")

    def secrets(self, team: str | None = None) -> list[JsonObject]:
        """The names of the caller's secrets, or of a team's."""
        return list(self._ask("GET", "/secrets", params=given(team=team))["items"])

    def put_secret(self, name: str, value: str, team: str | None = None) -> JsonObject:
        """Keep a secret under a name."""
        return self._ask("PUT", f"/secrets/{part(name)}", json={"value": value}, params=given(team=team))

    def delete_secret(self, name: str, team: str | None = None) -> JsonObject:
        """Forget a secret."""
        return self._ask("DELETE", f"/secrets/{part(name)}", params=given(team=team))

    def quotas(self) -> list[JsonObject]:
        """The quotas that the caller may see."""
        return list(self._ask("GET", "/quotas")["items"])

    def put_quota(self, kind: str, owner: str, **limits: Any) -> JsonObject:
        """Replace the quota of a `user` or a `team`; what is not named is not limited."""
        return self._ask("PUT", f"/quotas/{part(kind)}/{part(owner)}", json=limits)

    def audit(self, **filters: Any) -> Iterator[JsonObject]:
        """The audit trail, newest first; filters: user, since, until."""
        return self._pages("/audit", filters)

    def verify_audit(self) -> JsonObject:
        """Whether the trail is whole: `{entries, intact, broken_at, head}`."""
        return self._ask("GET", "/audit/verify")

    def export_audit(self, **filters: Any) -> Iterator[JsonObject]:
        """The whole trail, newest first, as it streams in."""
        return self._lines("/audit/export", method="GET", params=given(**filters))


def _role(user_id: str, team: str, role: str) -> str:
    return f"/users/{part(user_id)}/roles/{part(team)}/{part(role)}"

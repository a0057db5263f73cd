"""A small client of the HTTP API: one method for each route."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.access import AccessCalls
from headrace.connection import API, JsonObject, given, once, part

ENDED = frozenset({"completed", "failed", "cancelled", "terminated"})
POLL_SECONDS = 0.1


class Headrace(AccessCalls):
    """Everything that one user can ask of one gateway."""

    def readiness(self) -> JsonObject:
        """What `/health/ready` says, also when the answer is that something is not ready (503)."""
        answer = self._send("GET", "/health/ready")
        try:
            return dict(answer.json())
        except ValueError:
            return {"status": answer.reason_phrase}

    def create_blueprint(self, body: Mapping[str, Any]) -> JsonObject:
        """Record version 1 of a blueprint; refused with all its problems at once."""
        return self._ask("POST", "/blueprints", json=body)

    def check_blueprint(self, body: Mapping[str, Any]) -> JsonObject:
        """`{valid, problems}` of a blueprint; nothing is written."""
        return self._ask("POST", "/blueprints", json=body, params={"dry_run": "true"})

    def update_blueprint(self, blueprint_id: str, body: Mapping[str, Any], if_match: int | None = None) -> JsonObject:
        """Record the next version; `if_match` is the version that was read (refused with 412 if it moved on)."""
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        return self._ask("PUT", f"/blueprints/{part(blueprint_id)}", json=body, headers=headers)

    def delete_blueprint(self, blueprint_id: str) -> None:
        """Archive it: running instances finish, new executions are refused."""
        self._refuse_problems(self._send("DELETE", f"{API}/blueprints/{part(blueprint_id)}"))

    def clone_blueprint(self, template_id: str, name: str | None = None) -> JsonObject:
        """A private blueprint of one's own, made from a template."""
        return self._ask("POST", f"/blueprints/{part(template_id)}/clone", json={"name": name} if name else {})

    def blueprint(self, blueprint_id: str, version: int | None = None) -> JsonObject:
        """One version with its nodes and edges, the latest by default."""
        return self._ask("GET", f"/blueprints/{part(blueprint_id)}", params=given(version=version))

    def blueprints(self, **filters: Any) -> Iterator[JsonObject]:
        """Every visible blueprint, newest first, without graphs; filters: owner, team, tag, q, node_type."""
        return self._pages("/blueprints", filters)

    def templates(self, **filters: Any) -> Iterator[JsonObject]:
        """The template library, newest first; filters: tag, q."""
        return self._pages("/templates", filters)

    def execute(
        self,
        blueprint_id: str,
        input: Any = None,
        *,
        mode: str = "sync",
        idempotency_key: str | None = None,
        **body: Any,
    ) -> JsonObject:
        """Run a blueprint: `{instance_id, status}`, and when it ended in time (sync) output, metrics and error.

        Further members of the body: config, conversation_id, metadata. Asking again with the same
        `idempotency_key` within a day is the same run.
        """
        path = f"/blueprints/{part(blueprint_id)}/execute"
        sent = {"json": {"input": input, **body}, "params": {"mode": mode}, "headers": once(idempotency_key)}
        return self._ask("POST", path, **sent)

    def stream(
        self, blueprint_id: str, input: Any = None, *, idempotency_key: str | None = None, **body: Any
    ) -> Iterator[JsonObject]:
        """Run a blueprint and follow it: one `{seq, event, instance_id, time, data}` after the other."""
        path = f"/blueprints/{part(blueprint_id)}/stream"
        return self._lines(path, json={"input": input, **body}, headers=once(idempotency_key))

    def instance(self, instance_id: str) -> JsonObject:
        """One run: status, input, output, error, metrics."""
        return self._ask("GET", f"/instances/{part(instance_id)}")

    def instances(self, **filters: Any) -> Iterator[JsonObject]:
        """Runs, newest first; filters: status, blueprint_id, conversation_id, since, until."""
        return self._pages("/instances", filters)

    def wait(self, instance_id: str, timeout_seconds: float = 60.0) -> JsonObject:
        """The run once it has ended, or as it stands after `timeout_seconds`."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            instance = self.instance(instance_id)
            if instance["status"] in ENDED or time.monotonic() > deadline:
                return instance
            time.sleep(POLL_SECONDS)

    def logs(self, instance_id: str, *, after: int = 0, level: str | None = None) -> Iterator[JsonObject]:
        """What happened in a run, oldest first; `after` is the last seq already seen."""
        return self._pages(f"/instances/{part(instance_id)}/logs", {"after": after, "level": level})

    def cancel(self, instance_id: str, node_id: str | None = None) -> JsonObject:
        """End a run before its time, or give up only what goes on at one node: `{instance_id, status}`."""
        return self._order(instance_id, "cancel" if node_id is None else f"nodes/{part(node_id)}/cancel")

    def pause(self, instance_id: str) -> JsonObject:
        """Begin nothing further in a run: `{instance_id, status, changed}`."""
        return self._order(instance_id, "pause")

    def resume(self, instance_id: str) -> JsonObject:
        """Let a paused run go on."""
        return self._order(instance_id, "resume")

    def terminate(self, instance_id: str) -> JsonObject:
        """End a run at once, without its compensations."""
        return self._order(instance_id, "terminate")

    def retry(self, instance_id: str) -> JsonObject:
        """Let a failed run go on from where it failed."""
        return self._order(instance_id, "retry")

    def signal(
        self, instance_id: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> JsonObject:
        """Send a signal to one run, which need not wait for it yet: `{signal_id, instance_id}`."""
        return self._order(instance_id, "signal", {"name": name, "payload": payload}, once(idempotency_key))

    def post_signal(
        self, blueprint_id: str, key: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> JsonObject:
        """Send a signal to whichever run of a blueprint waits, or will wait, for the key.

        `instance_id` in the answer is who took it, None while nobody waits.
        """
        body = {"name": name, "key": key, "payload": payload}
        return self._ask("POST", f"/blueprints/{part(blueprint_id)}/signals", json=body, headers=once(idempotency_key))

    def approve(
        self, instance_id: str, node_id: str | None = None, *, comment: str | None = None, form: Any = None
    ) -> JsonObject:
        """Approve what a run waits for; `node_id` says which, when there are several approvals."""
        return self._order(instance_id, "approve", given(node_id=node_id, comment=comment, form=form))

    def reject(
        self, instance_id: str, node_id: str | None = None, *, comment: str | None = None, form: Any = None
    ) -> JsonObject:
        """Reject what a run waits for."""
        return self._order(instance_id, "reject", given(node_id=node_id, comment=comment, form=form))

    def waits(self, instance_id: str) -> JsonObject:
        """What a run waits for: `{instance_id, status, items}`."""
        return self._ask("GET", f"/instances/{part(instance_id)}/waits")

    def lineage(self, instance_id: str) -> JsonObject:
        """Where a run comes from and which runs it started: `{instance_id, root_id, parent, children}`."""
        return self._ask("GET", f"/instances/{part(instance_id)}/lineage")

    def clear_cache(self, blueprint_id: str, node_id: str | None = None) -> JsonObject:
        """Forget what a blueprint, or one of its nodes, answered: `{blueprint_id, node_id, forgotten}`."""
        return self._ask("DELETE", f"/blueprints/{part(blueprint_id)}/cache", params=given(node_id=node_id))

    def analytics(self, blueprint_id: str, **window: str) -> JsonObject:
        """How a blueprint's runs went; `window` is `from` and `to` (RFC 3339)."""
        return self._ask("GET", f"/blueprints/{part(blueprint_id)}/analytics", params=window)

    def usage(self, **window: str) -> JsonObject:
        """What the caller used; `window` is `from` and `to` (RFC 3339)."""
        return self._ask("GET", "/analytics/usage", params=window)

    def _order(
        self, instance_id: str, verb: str, body: JsonObject | None = None, headers: Mapping[str, str] | None = None
    ) -> JsonObject:
        return self._ask("POST", f"/instances/{part(instance_id)}/{verb}", json=body, headers=headers)

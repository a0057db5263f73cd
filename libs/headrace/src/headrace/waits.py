"""What a run waits for, in words, and the commands that let it go on (pure)."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.durations import between

EXAMPLES: Mapping[str, Any] = {"string": "…", "number": 0.0, "integer": 0, "boolean": True, "array": [], "object": {}}
"""What stands for a value of each JSON type, where a person is to write one."""


@dataclass(frozen=True)
class Wait:
    """One thing that would let a run go on."""

    node_id: str
    kind: str
    label: str = ""
    name: str | None = None
    key: str | None = None
    due_at: str | None = None
    title: str | None = None
    form: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, node_id: str, shown: Mapping[str, Any]) -> "Wait":
        """From a fact's `waits_for`, where an approval's terms are a member, or from the list of open waits."""
        terms = shown.get("terms") or shown
        plain = {name: shown.get(name) for name in ("name", "key", "due_at")}
        label, kind = str(shown.get("label") or ""), str(shown.get("kind"))
        return cls(node_id, kind, label, **plain, title=terms.get("title"), form=terms.get("form"))

    def told(self, since: str | None = None) -> str:
        """In words: `signal "paid" (key A-1)`, `an approval: Order 1`; times from `since` on, else by the clock."""
        match self.kind:
            case "signal":
                return f"signal `{self.name}`" + (f" (key {self.key})" if self.key else "")
            case "approval":
                title = f": {self.title}" if self.title else ""
                return f"an approval{title}" + (f", {self._due('within', 'until', since)}" if self.due_at else "")
            case "instance":
                return f"run {self.name}"
            case "section":
                return f"its place in section {self.name}"
            case _:
                return self._due("", "", since).strip() if self.due_at else "a time"

    def _due(self, ahead: str, at: str, since: str | None) -> str:
        if since is not None:
            return f"{ahead} {between(since, str(self.due_at))}"
        return f"{at} {datetime.fromisoformat(str(self.due_at)):%Y-%m-%d %H:%M:%S} UTC"

    def commands(self, instance_id: str, options: str = "") -> list[str]:
        """The commands of this program that end the wait, ready to be typed; none for a time."""
        node = f"--node {shlex.quote(self.node_id)}"
        match self.kind:
            case "signal":
                return [f"headrace signal {instance_id} {shlex.quote(str(self.name))} --payload '{{}}'{options}"]
            case "approval":
                form = f" --form {shlex.quote(_filled_in(self.form))}" if self.form else ""
                return [
                    f"headrace approve {instance_id} {node}{form}{options}",
                    f"headrace reject {instance_id} {node}{options}",
                ]
            case _:
                return []


def waits_of(data: Mapping[str, Any]) -> list[Wait]:
    """The waits that a `WaitStarted` names."""
    return [Wait.read(str(data.get("node_id")), shown) for shown in data.get("waits_for") or ()]


def _filled_in(form: Mapping[str, Any]) -> str:
    """A form with an example for every field that it asks for."""
    asked = form.get("properties") or {}
    required = form.get("required") or list(asked)
    return json.dumps({name: _example(asked.get(name) or {}) for name in required}, ensure_ascii=False)


def _example(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    return schema.get("default", EXAMPLES.get(str(schema.get("type")), "…"))

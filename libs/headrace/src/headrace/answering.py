"""What a run is told when it waits: what was prepared on the command line, else a person learns how to go on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.blueprint_file import load_json
from headrace.client import Headrace
from headrace.errors import Complaint, ProblemError
from headrace.progress import RunPicture
from headrace.waits import Wait, waits_of

PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Decision:
    """An approval or a rejection, as soon as it is asked for."""

    approved: bool
    form: Any = None
    comment: str | None = None


@dataclass
class Answers:
    """What is prepared: signals by name, each sent once; decisions by node, of which the last one stands."""

    signals: dict[str, list[Any]] = field(default_factory=dict)
    decisions: dict[str, list[Decision]] = field(default_factory=dict)

    @classmethod
    def prepared(cls, signals: Sequence[str], approvals: Sequence[str], rejections: Sequence[str]) -> "Answers":
        """From `NAME[=JSON]`, `NODE[=JSON]` (the form) and `NODE[=COMMENT]`."""
        answers = cls()
        for text in signals:
            name, payload = _parts("--signal", text)
            answers.signals.setdefault(name, []).append(_json("--signal", name, payload))
        for text in approvals:
            node, form = _parts("--approve", text)
            answers.decisions.setdefault(node, []).append(Decision(True, form=_json("--approve", node, form)))
        for text in rejections:
            node, comment = _parts("--reject", text)
            answers.decisions.setdefault(node, []).append(Decision(False, comment=comment))
        return answers


class Answering:
    """Answers the waits of one run."""

    def __init__(self, client: Headrace, answers: Answers | None = None, options: str = "") -> None:
        """`options` are those that a command needs to find the same stack again."""
        self._client = client
        self._answers = answers or Answers()
        self._options = options

    def react(self, line: Mapping[str, Any], picture: RunPicture) -> list[str]:
        """What is to be said after a line of the stream, once what is prepared for it was sent."""
        event, instance_id = line.get("event"), str(picture.instance_id)
        if event == "WaitStarted":
            return self._answer(instance_id, waits_of(line.get("data") or {}))
        return [f"    headrace resume {instance_id}{self._options}"] if event == "InstancePaused" else []

    def unused(self) -> list[str]:
        """Prepared signals that nothing waited for."""
        left = [name for name, payloads in self._answers.signals.items() for _ in payloads]
        return [f"! signal `{name}` was not sent: the run did not wait for it" for name in left]

    def _answer(self, instance_id: str, waits: Sequence[Wait]) -> list[str]:
        """One prepared answer is enough for several waits of one visit: the first that comes ends them all."""
        refused: list[str] = []
        for wait in waits:
            try:
                sent = self._send(instance_id, wait)
            except ProblemError as problem:
                refused.append(f"! {wait.node_id}: {problem.detail}")
            else:
                if sent is not None:
                    return [*refused, sent]
        return refused + [f"    {command}" for wait in waits for command in wait.commands(instance_id, self._options)]

    def _send(self, instance_id: str, wait: Wait) -> str | None:
        """What was sent; None when nothing is prepared. A service that restarts is given time to come back."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._signal(instance_id, wait) or self._decide(instance_id, wait)
            except ProblemError as problem:
                if not problem.passing or time.monotonic() > give_up_at:
                    raise
                time.sleep(PAUSE_SECONDS)

    def _signal(self, instance_id: str, wait: Wait) -> str | None:
        payloads = self._answers.signals.get(str(wait.name)) if wait.kind == "signal" else None
        if not payloads:
            return None
        self._client.signal(instance_id, str(wait.name), payloads[0])
        del payloads[0]
        return f"→ sent signal `{wait.name}`"

    def _decide(self, instance_id: str, wait: Wait) -> str | None:
        decisions = self._answers.decisions.get(wait.node_id) if wait.kind == "approval" else None
        if not decisions:
            return None
        decision = decisions[0]
        decide = self._client.approve if decision.approved else self._client.reject
        decide(instance_id, wait.node_id, comment=decision.comment, form=decision.form)
        del decisions[: len(decisions) > 1]
        return f"→ {'approved' if decision.approved else 'rejected'} {wait.node_id}"


def _parts(option: str, text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise Complaint(f"{option} {text!r} names nothing: write {option} NAME or {option} NAME=VALUE.")
    return name, value if equals else None


def _json(option: str, name: str, text: str | None) -> Any:
    return None if text is None else load_json(text, f"{option} {name}=")

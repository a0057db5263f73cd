"""A ledger with the past of a busy month: histories of runs as the product writes them, loaded by COPY."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from contracts import instance_events as facts
from contracts.execution import RunError, RunFigures
from contracts.message import Event
from contracts.workflow import BlueprintConfig

DAYS = 30
"""The past that the histories are spread over evenly: what analytics show unless asked otherwise."""
USERS = 100
FAILED_ONE_IN = 50
SEED = 20_260_101
EVENTS = 4
"""Of each history: requested, started, one node completed, completed."""
CHUNK = 2_000
"""Histories handed to PostgreSQL at once."""
QUESTION = "How do I return an order that I placed last week?"
ANSWER = "Open the order in your account and choose Return; the label is sent to you by mail."
COPY = """
COPY execution.events (originator_id, originator_version, topic, state, notification_id, event_id, metadata)
FROM STDIN
"""

_ID = UUID(int=0x77777777_7777_7777_8777_777777777777)
_REQUESTED, _ENDED = datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 2, 2, tzinfo=UTC)
_MS, _PROMPT, _COMPLETION, _TOKENS, _COST = 7654321.5, 7654321, 6543217, 5432176, Decimal("0.7654321")
_MARKERS = {
    str(_ID): "%(id)s",
    "2001-01-01T00:00:00Z": "%(requested)s",
    "2002-02-02T00:00:00Z": "%(ended)s",
    str(_MS): "%(ms)s",
    str(_COST): "%(cost)s",
    str(_PROMPT): "%(prompt)d",
    str(_COMPLETION): "%(completion)d",
    str(_TOKENS): "%(tokens)d",
}
"""What stands for what in a history that is written once and copied often."""


@dataclass(frozen=True, slots=True)
class Past:
    """So many runs until `until`; the first blueprint is run twice as often as the second, three times the third."""

    instances: int
    blueprints: Sequence[UUID]
    users: Sequence[str]
    until: datetime

    @classmethod
    def of(cls, instances: int, blueprints: Sequence[UUID], owner: str) -> "Past":
        """Until now, by the owner and others."""
        users = (owner, *(f"user-{number:02}" for number in range(1, USERS)))
        return cls(instances, blueprints, users, datetime.now(UTC))


def load(dsn: str, past: Past) -> int:
    """Write all histories into the ledger of execution; answers its head."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM execution.events").fetchone()
        assert row is not None
        position = int(row[0])
        with connection.cursor().copy(COPY) as copy:
            for chunk in _chunks(past, position):
                copy.write(chunk)
        head = position + EVENTS * past.instances
        connection.execute("SELECT setval('execution.events_notification_id_seq', %s)", (head,))
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE execution.events")
    return head


def _chunks(past: Past, position: int) -> Iterator[bytes]:
    """The lines of COPY's text format, behind a position."""
    dice = random.Random(SEED)
    weights = [1 / place for place in range(1, len(past.blueprints) + 1)]
    step = timedelta(days=DAYS) / past.instances
    templates: dict[tuple[UUID, str, bool], str] = {}
    lines: list[str] = []
    for number in range(past.instances):
        failed = dice.randrange(FAILED_ONE_IN) == 0
        key = (dice.choices(past.blueprints, weights)[0], dice.choice(past.users), failed)
        template = templates.get(key) or templates.setdefault(key, _template(*key))
        requested = past.until - timedelta(days=DAYS) + step * number
        lines.append(template % _values(dice, number, requested, position))
        position += EVENTS
        if len(lines) == CHUNK or number == past.instances - 1:
            yield "".join(lines).encode()
            lines = []


def _values(dice: random.Random, number: int, requested: datetime, position: int) -> dict[str, Any]:
    ms = round(dice.lognormvariate(6.5, 0.8), 3)
    prompt, completion = dice.randrange(50, 2_000), dice.randrange(10, 500)
    moment = f"{int(requested.timestamp() * 1000):012x}"
    return {
        "id": f"{moment[:8]}-{moment[8:]}-7000-8000-{number:012x}",
        "moment": f"{moment[:8]}-{moment[8:]}",
        "number": f"{number:012x}",
        "requested": requested.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ended": (requested + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ms": ms,
        "prompt": prompt,
        "completion": completion,
        "tokens": prompt + completion,
        "cost": f"{(prompt + 4 * completion) * 15}e-8",
        **{f"p{version}": position + version for version in range(1, EVENTS + 1)},
    }


def _template(blueprint_id: UUID, user_id: str, failed: bool) -> str:
    """The lines of one history, with markers for what differs between runs."""
    lines = []
    for event in _history(blueprint_id, user_id, failed):
        version, state = event.originator_version, event.state().decode()
        assert not set("\\%") & set(state), "COPY or the template would read it as an escape"
        for value, marker in _MARKERS.items():
            state = state.replace(value, marker)
        event_id = f"%(moment)s-700{version}-9000-%(number)s"
        metadata = '{"correlation_id":"%(id)s"}'
        lines.append(f"%(id)s\t{version}\t{event.topic()}\t{state}\t%(p{version})d\t{event_id}\t{metadata}\n")
    return "".join(lines)


def _history(blueprint_id: UUID, user_id: str, failed: bool) -> Sequence[Event]:
    """The least that is recorded of a run: of a graph with a start and nothing else. What it took is drawn."""
    whose = {"blueprint_id": blueprint_id, "blueprint_version": 1, "user_id": user_id, "team_id": None}
    asked = {"question": QUESTION}
    took: dict[str, Any] = {
        "prompt_tokens": _PROMPT,
        "completion_tokens": _COMPLETION,
        "tokens_used": _TOKENS,
        "cost": _COST,
        "execution_time_ms": _MS,
        "node_execution_times": {"start": _MS},
        "nodes_executed": 1,
    }
    end: dict[str, Any] = {**whose, "requested_at": _REQUESTED, "figures": RunFigures.model_validate(took)}
    error = RunError(type="permanent", code="model_refused", message="The provider refused.", node_id="start")

    def at(version: int, moment: datetime) -> dict[str, Any]:
        return {"originator_id": _ID, "originator_version": version, "timestamp": moment}

    request = {"input": asked, "config": BlueprintConfig(), "conversation_id": None, "metadata": {}, "worker_id": None}
    start = {"node_id": "start", "visit": 1, "attempt": 1, "node_type": "start"}
    began = (
        facts.InstanceRequested.model_validate({**at(1, _REQUESTED), **whose, **request}),
        facts.InstanceStarted(**at(2, _REQUESTED)),
    )
    if failed:
        failure = facts.NodeFailed.model_validate({**at(3, _ENDED), **start, "error": error})
        return (*began, failure, facts.InstanceFailed(**at(4, _ENDED), **end, error=error))
    completed = {**at(3, _ENDED), **start, "output": asked, "taken": (), "duration_ms": _MS}
    ended = facts.InstanceCompleted(**at(4, _ENDED), **end, output={"start": {"answer": ANSWER}})
    return (*began, facts.NodeCompleted.model_validate(completed), ended)

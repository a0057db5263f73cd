"""A small house in which all is well, made by hand: what specifications of the checker spoil in one place each."""

from dataclasses import replace
from typing import Any

from tests.chaos.evidence import Evidence, Fact, Heard, Resources, Row
from tests.chaos.history import Told
from tests.chaos.outside import Effect

RUN, TOKEN, BLUEPRINT = "run-1", "token-1", "blueprint-1"
KEY = f"{RUN}//a/1/1"
OUTPUT = {"token": TOKEN}
NOW = "2026-01-01T12:00:00+00:00"


def fact(position: int, topic: str, version: int, stream: str = RUN, **body: Any) -> Fact:
    """One row of the ledger of execution."""
    return Fact(position, stream, version, topic, body, f"id-{position}")


def node(position: int, topic: str, version: int, **body: Any) -> Fact:
    """A fact about the only node."""
    place: dict[str, Any] = {"node_id": "a", "visit": 1, "attempt": 1, "node_type": "tool"}
    return fact(position, topic, version, **place | body)


def life() -> list[Fact]:
    """One run from its request to its end."""
    return [
        fact(1, "InstanceRequested", 1, metadata={"token": TOKEN}, worker_id="w"),
        node(2, "NodeStarted", 2),
        node(3, "NodeCompleted", 3, output={"key": KEY}),
        fact(4, "InstanceCompleted", 4, output=OUTPUT),
    ]


def heard(position: int, previous: int, **more: Any) -> Heard:
    """A message of the stream of execution."""
    return replace(Heard("first", position, position, previous, f"id-{position}"), **more)


def effect(key: str = KEY, attempt: int = 1) -> Effect:
    """Something that happened outside."""
    return Effect(key, "a", attempt, 0.0, 1)


def told(verb: str, **more: Any) -> Told:
    """An answer about the run."""
    usual: dict[str, Any] = {"token": TOKEN, "http": 200, "instance_id": RUN}
    return Told(0.0, verb, **usual | more)


def quiet() -> Evidence:
    """Evidence that nothing was lost."""
    resources = Resources({"gateway": 1 << 27}, {"gateway": 10}, {"NATS": 4}, frozenset({"E/work"}), leases=2)
    return Evidence(
        told=[told("execute", status="completed", output=OUTPUT, shows_output=True, key="k")],
        effects=[effect()],
        facts=life(),
        ledgers={"execution": {position: f"id-{position}" for position in range(1, 5)}},
        heads={"execution": 4},
        heard={"execution": [heard(position, position - 1) for position in range(1, 5)]},
        rows={RUN: Row("completed", OUTPUT, 4, BLUEPRINT)},
        counted={RUN: "completed"},
        blueprints=frozenset({BLUEPRINT}),
        dead_letters=[("instances", b'{"by":"chaos"}', "Unreadable")],
        live={"t": ["a", "b"]},
        rebuilt={"t": ["b", "a"]},
        usual_rate=10.0,
        recovery=[(0.0, 1.0), (4.0, 9.0)],
        before=resources,
        after=resources,
        gathered_at=NOW,
    )

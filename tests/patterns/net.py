"""A blueprint in the making: nodes, edges, and the variables it begins with."""

import re
from typing import Any

from contracts.message import JsonObject
from tests.patterns.definition import Task

PAUSE_SECONDS = 0.001
"""Between two looks at a variable that something waits for."""


class Net:
    """One graph: the blueprint's own, or a body's. Ids are unique in all of them together."""

    def __init__(self, used: set[str] | None = None) -> None:
        """`used` is shared by all graphs of a blueprint."""
        self.nodes: list[JsonObject] = []
        self.edges: list[JsonObject] = []
        self.used: set[str] = set() if used is None else used

    def id_for(self, name: str, *, dots: bool = False) -> str:
        """An id that is free, as like the name as can be; dots part a task from its workings."""
        base = re.sub(r"[^A-Za-z0-9_.-]" if dots else r"[^A-Za-z0-9_-]", "_", name)[:100]
        found, number = base, 1
        while found in self.used:
            number += 1
            found = f"{base}-{number}"
        self.used.add(found)
        return found

    def node(self, id: str, type: str, shown: str | None = None, **config: Any) -> str:
        """Add a node; one with `shown` is a task of the definition, the others are its workings."""
        self.used.add(id)
        node: JsonObject = {"id": id, "type": type}
        if shown is not None:
            node["name"] = shown
        if config:
            node["config"] = config
        self.nodes.append(node)
        return id

    def task(self, id: str, shown: str) -> str:
        """A task that people see: an activity that somebody else ends."""
        return self.node(id, "tool", shown, name="echo", join="each")

    def edge(self, source: str, target: str, condition: str | None = None) -> None:
        """Lead on; what is drawn twice goes through a node of its own, because it brings two tokens."""
        edge = {"source": source, "target": target} | ({"condition": condition} if condition else {})
        if edge in self.edges:
            relay = self.node(self.id_for(f"{source}.to.{target}", dots=True), "transform", output=None)
            self.edge(source, relay, condition)
            self.edges.append({"source": relay, "target": target})
            return
        self.edges.append(edge)

    def change(self, id: str, operation: str, variable: str, value: Any = None) -> str:
        """Change a variable."""
        config = {"operation": operation, "name": variable, "join": "each"}
        counts = operation in ("increment", "decrement") and value is None
        return self.node(id, "variable", **config, **({} if counts else {"value": value}))

    def sink(self, id: str) -> str:
        """Where a token ends."""
        return self.node(id, "end", join="each")

    def chain(self, first: str, *rest: str) -> str:
        """One after the other; answers the last."""
        for node_id in rest:
            self.edge(first, node_id)
            first = node_id
        return first

    def wait_until(self, ask: str, condition: str, then: str, void: str | None) -> str:
        """Go on once the condition holds, asking again and again, unless a variable says that it is void."""
        id = ask.partition(".")[0]
        self.config_of(ask)["split"] = "exclusive"
        pause = self.node(f"{id}.pause", "delay", seconds=PAUSE_SECONDS)
        if void:
            self.edge(ask, self.sink(f"{id}.void"), f"vars.{void}")
        self.edge(ask, then, condition)
        self.edge(ask, pause)
        self.edge(pause, ask)
        return ask

    def config_of(self, id: str) -> JsonObject:
        """The configuration of a node, to add to."""
        node = next(node for node in self.nodes if node["id"] == id)
        config: JsonObject = node.setdefault("config", {})
        return config


class Place:
    """One graph and which tasks stand in it: the blueprint's own, or the body that a thread runs."""

    def __init__(self, net: Net, ends_at: str | None = None) -> None:
        """`ends_at` is the thread-merge at which a thread is over."""
        self.net = net
        self.ids: dict[str, str] = {}
        self.entries: dict[str, str] = {}
        self.ends_at = ends_at

    def id_of(self, task: Task) -> str:
        """The id of the task's own node, drawn or not yet."""
        if task.name not in self.ids:
            self.ids[task.name] = self.net.id_for(task.shown)
        return self.ids[task.name]


def plain(name: str) -> str:
    """A name as a variable of the language may be called."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)

"""Turns a process definition into a blueprint: every task a visible activity, every construct one of the engine's."""

from collections.abc import Iterable
from typing import Any

from contracts.message import JsonObject
from tests.patterns import terms
from tests.patterns.constructs import CONSTRUCTS
from tests.patterns.definition import START, Definition, Successor, Task
from tests.patterns.going_on import simple
from tests.patterns.joins import Joins
from tests.patterns.net import Net, Place, plain
from tests.patterns.structure import JOINS, Shape, count_of


class Translation:
    """The state of one translation."""

    def __init__(self, definition: Definition) -> None:
        """Nothing is drawn yet."""
        self.definition = definition
        self.tasks = definition.tasks
        self.shape = Shape(definition)
        self.joins = Joins(definition, self.shape)
        self.variables: dict[str, Any] = {}
        self.needed: list[tuple[Place, Task]] = []
        self.cancelling: list[tuple[Place, Task, str, tuple[str, ...]]] = []
        triggers = [task for task in self.tasks.values() if task.kind == "trigger"]
        self.triggered = {self.context(task).name for task in triggers}
        self.gated = {self.context(task).name for task in self.tasks.values() if task.kind == "gate"}
        self.chosen = {self.context(task).name for task in self.tasks.values() if task.kind == "choose"}
        self.voided = {name for task in self.tasks.values() for name in self.cancelled_by(task)}

    def context(self, task: Task) -> Task:
        """The task that this one is about."""
        name = task.attributes.get("context", "").lower()
        if not name:
            raise self.definition.refuse(task.line, f"`{task.shown}` needs a context")
        return self.tasks[name]

    def cancelled_by(self, task: Task) -> list[str]:
        """The tasks that this one cancels, begun or not."""
        if task.kind == "cancel-task":
            return [*task.cancels, *([self.context(task).name] if task.attributes.get("context") else [])]
        return self.joins.inputs_cancelled_by(task)

    def variable(self, name: str, initial: Any) -> str:
        """A variable that the run begins with."""
        self.variables.setdefault(plain(name), initial)
        return plain(name)

    def value(self, term: tuple[str, str]) -> str:
        """The expression for a term."""
        kind, text = term
        return f"vars.{self.field(text)}" if kind == "field" else terms.quoted(text)

    def field(self, name: str) -> str:
        """The variable of a field: what the input has under its name, else nothing."""
        member = f"input[{terms.quoted(name)}]"
        return self.variable(f"field_{name}", f"${{ {terms.quoted(name)} in input ? {member} : '' }}")

    def number(self, term: tuple[str, str]) -> str:
        """The expression for a count."""
        kind, text = term
        return f"int({self.value(term)})" if kind == "field" else str(int(text))

    def blueprint(self) -> JsonObject:
        """The whole blueprint, as the API takes it."""
        place = Place(Net())
        self.draw(place, START)
        self.fill_in()
        start = place.ids[START]
        sets = [place.net.change(f"Start.{name}", "set", name, value) for name, value in self.variables.items()]
        if sets:
            first = place.net.edges
            place.net.edges = [edge for edge in first if edge["source"] != start]
            leaving = [edge for edge in first if edge["source"] == start]
            last = place.net.chain(start, *sets)
            place.net.edges += [edge | {"source": last} for edge in leaving]
        body: JsonObject = {"name": self.definition.name, "description": self.definition.description}
        return body | {"nodes": place.net.nodes, "edges": place.net.edges, "config": {"max_visits": 1000}}

    def draw(self, place: Place, name: str) -> str:
        """Draw a task and what follows it; answers the node that a token comes to first."""
        if name in place.entries:
            return place.entries[name]
        task = self.tasks[name]
        id = place.id_of(task)
        if name == place.ends_at:
            place.entries[name] = place.net.sink(f"{id}.arrive")
            return place.entries[name]
        drawn = place.net.node(id, "start", task.shown) if name == START else place.net.task(id, task.shown)
        if task.kind in JOINS:
            place.entries[name] = self.joins.draw(self, place, task)
        else:
            place.entries[name] = self.head(place, task, drawn)
        self.tail(place, task, drawn)
        return place.entries[name]

    def into(self, place: Place, source: Task, name: str) -> str:
        """Where an edge from one task to another ends."""
        return self.joins.entry(place, source.name, self.tasks[name], self.draw(place, name))

    def same_graph(self, place: Place, task: Task) -> None:
        """Refuse what would reach into, or out of, a thread."""
        self.needed.append((place, task))

    def cancel_node(self, place: Place, task: Task, id: str, names: Iterable[str]) -> str:
        """A node that gives up whatever goes on at these tasks; their nodes are known when everything is drawn."""
        node = place.net.node(id, "cancel", nodes=[])
        self.cancelling.append((place, task, id, tuple(names)))
        return node

    def fill_in(self) -> None:
        """What can be said only when everything is drawn."""
        for place, task in self.needed:
            if task.name not in place.entries:
                raise self.definition.refuse(task.line, f"`{task.shown}` is reached from another thread")
        for place, task, id, names in self.cancelling:
            of = {place.ids[name] for name in names if name in place.entries}
            nodes = [node["id"] for node in place.net.nodes if node["id"].partition(".")[0] in of]
            if not nodes:
                raise self.definition.refuse(
                    task.line, f"`{task.shown}` cancels what is not on its way, or is a thread's"
                )
            place.net.config_of(id)["nodes"] = nodes

    def head(self, place: Place, task: Task, drawn: str) -> str:
        """What comes before an activity begins: waiting, and whether it was cancelled; answers the first of it."""
        net, id = place.net, place.id_of(task)
        first = drawn
        if task.name == START:
            return drawn
        void = self.variable(f"void_{task.name}", initial=False) if task.name in self.voided else None
        if task.kind == "gate":
            passed = self.variable(f"done_{self.context(task).name}", initial=False)
            ask = net.node(f"{id}.ask", "condition", join="each")
            first = net.wait_until(ask, f"vars.{passed}", first, void)
        elif task.kind == "acquire-mutex":
            mutex, wanted = self.mutex(task), f"!vars.{void}" if void else "true"
            asked = f"${{ {{'held': vars.{mutex}.held || {wanted}, 'now': {wanted} && !vars.{mutex}.held}} }}"
            ask = net.change(f"{id}.ask", "set", mutex, asked)
            first = net.wait_until(ask, f"vars.{mutex}.now", first, void)
        elif void:
            ask = net.node(f"{id}.due", "condition", join="each")
            net.edge(ask, net.sink(f"{id}.void"), f"vars.{void}")
            net.edge(ask, first)
            first = ask
        return first

    def mutex(self, task: Task) -> str:
        """The variable that says whether somebody holds the mutex, and whether that began right now."""
        return self.variable(f"mutex_{task.attributes.get('mutex', '')}", {"held": False, "now": False})

    def tail(self, place: Place, task: Task, drawn: str) -> None:
        """What an activity does when it ends, and where it leads."""
        net, id = place.net, place.id_of(task)
        last = drawn
        for number, (name, term) in enumerate((*task.before, *task.after), 1):
            assign = net.change(f"{id}.sets.{number}", "set", self.field(name), f"${{ {self.value(term)} }}")
            last = net.chain(last, assign)
        if task.name in self.gated:
            passed = self.variable(f"done_{task.name}", initial=False)
            last = net.chain(last, net.change(f"{id}.done", "set", passed, value=True))
        for counting in self.joins.noted_by(task):
            ended = place.net.id_for(f"{id}.ended", dots=True)
            times = self.shape.before[counting.task.name].count(task.name)
            last = net.chain(last, net.change(ended, "increment", counting.variable(self, "arrived"), times))
        for counting in self.joins.reset_by(task):
            last = net.chain(last, *counting.reset(self, place))
        CONSTRUCTS.get(task.kind, simple)(self, place, task, last)

    def condition(self, task: Task, successor: Successor) -> str | None:
        """When an edge is taken: as it is written, and where another task chose, only if it chose this."""
        written = terms.comparison(self, successor.condition) if successor.condition else None
        if task.name not in self.chosen:
            return written
        choice = self.variable(f"choice_{task.name}", initial=None)
        picked = f"(vars.{choice} == null || {terms.quoted(successor.name)} in vars.{choice})"
        return f"{picked} && {written}" if written else picked

    def times(self, task: Task, default: str) -> str:
        """How often a task multiplies or triggers, as an expression."""
        return self.number(count_of(task, "times", default))

"""Joins: the engine's own where each edge brings one token, counted in variables where it may bring more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.patterns.definition import Definition, Task
from tests.patterns.net import Place
from tests.patterns.structure import JOINS, Shape, count_of

if TYPE_CHECKING:
    from tests.patterns.translate import Translation


@dataclass(frozen=True)
class Counting:
    """A join that counts: arrivals up to a threshold, or the tokens that may still come down to none."""

    task: Task
    split: str | None
    block: frozenset[str]
    by_pending: bool
    """Whether it fires when no token is on its way any more; else at its threshold."""
    tracks: bool
    """Whether it must know how many tokens are on their way."""
    anew_at: str | None
    """The task that begins its next round."""

    def weight(self, target: str) -> int:
        """1 when a token on its way to this task may still come to the join."""
        return int(target in self.block or target == self.task.name)

    def share(self, task: Task) -> int:
        """What a task uses up itself: its own token, unless it is the split."""
        return 0 if task.name == self.split else -1

    def variable(self, into: "Translation", what: str, initial: Any = 0) -> str:
        """One of the variables that it counts with."""
        return into.variable(f"{what}_{self.task.name}", initial)

    def check(self, place: Place) -> str:
        """The node that looks whether it is time."""
        return f"{place.id_of(self.task)}.check"

    def adjust(self, into: "Translation", place: Place, by: int | str, at: str) -> str:
        """A node that notes more, or fewer, tokens on their way to the join."""
        pending = self.variable(into, "pending")
        return place.net.change(place.net.id_for(f"{at}.pending", dots=True), "increment", pending, by)

    def reset(self, into: "Translation", place: Place) -> list[str]:
        """Nodes with which its split begins the next round."""
        at = place.id_of(self.task)
        names = [("arrived", 0), ("fired", 0), *([("pending", 0)] if self.tracks else [])]
        return [
            place.net.change(
                place.net.id_for(f"{at}.{name}.anew", dots=True), "set", self.variable(into, name, value), value
            )
            for name, value in names
        ]


class Joins:
    """Every join of a definition, and how it is drawn."""

    def __init__(self, definition: Definition, shape: Shape) -> None:
        """Find those that must count."""
        self.definition = definition
        self.shape = shape
        self.all = [task for task in definition.tasks.values() if task.kind in JOINS and task.name in shape.dominators]
        triggered = {
            task.attributes.get("context", "").lower() for task in definition.tasks.values() if task.kind == "trigger"
        }
        swollen = shape.swollen()
        counting = {task.name for task in self.all if task.name in swollen | triggered or self.is_open(task)}
        while more := {
            task.name for task in self.all if task.name not in counting and self._counts_too(task, counting)
        }:
            counting |= more
        self.found = {name: self._counting(definition.tasks[name]) for name in counting}

    def _counts_too(self, task: Task, counting: set[str]) -> bool:
        """Whether it stands inside the block of a join that counts, or behind one and beside it.

        A join that counts lets a branch die at every token but one, and a join of the engine would hear that.
        """
        return any(
            task.name in self.block(self.definition.tasks[name])
            or (name not in self.shape.dominators[task.name] and task.name in self.shape.reached([name]))
            for name in counting
        )

    def split(self, task: Task) -> str | None:
        """The task that a structured join is the other end of."""
        return task.attributes.get("context", "").lower() or None

    def is_open(self, task: Task) -> bool:
        """Whether its threshold is known only at run time, more than its edges bring, or met again in a loop."""
        kind, text = count_of(task, "threshold", "1")
        if kind == "field" or int(text) > len(self.shape.before[task.name]):
            return True
        return self.has_threshold(task) and self.in_a_loop(task)

    def in_a_loop(self, task: Task) -> bool:
        """Whether it may be reached again from itself."""
        return task.name in self.shape.reached(self.shape.after[task.name])

    def has_threshold(self, task: Task) -> bool:
        """Whether it says how many it waits for."""
        return "threshold" in task.attributes or "threshold-field" in task.attributes

    def cancels(self, task: Task) -> bool:
        """Whether it gives up the branches that have not come."""
        return task.attributes.get("cancel", "0") not in ("", "0")

    def block(self, task: Task) -> set[str]:
        """The tasks before a structured join that its split began."""
        split = self.split(task)
        return self.shape.block(split, task.name) if split else set()

    def _counting(self, task: Task) -> Counting:
        by_pending = self.split(task) is not None and not self.has_threshold(task)
        tracks = by_pending or (self.split(task) is not None and self.cancels(task))
        anew_at = self.split(task) or (self.shape.nearest_dominator(task.name) if self.in_a_loop(task) else None)
        return Counting(task, self.split(task), frozenset(self.block(task)), by_pending, tracks, anew_at)

    def counting(self, task: Task) -> Counting | None:
        """How it counts, if it does."""
        return self.found.get(task.name)

    def counted(self, task: Task) -> list[Counting]:
        """Joins that must hear how many tokens this task makes."""
        return [each for each in self.found.values() if each.tracks and task.name in each.block | {each.split}]

    def reset_by(self, task: Task) -> list[Counting]:
        """Joins whose next round this task begins."""
        return [each for each in self.found.values() if each.anew_at == task.name]

    def noted_by(self, task: Task) -> list[Counting]:
        """Joins without a split that count how often the tasks right before them have ended; this is one of those."""
        before = self.shape.before
        return [each for each in self.found.values() if each.split is None and task.name in before[each.task.name]]

    def inputs_cancelled_by(self, task: Task) -> list[str]:
        """A join without a split gives up the tasks right before it, whether they have begun or not."""
        if task.kind in JOINS and self.cancels(task) and self.split(task) is None:
            return list(dict.fromkeys(self.shape.before[task.name]))
        return []

    def draw(self, into: "Translation", place: Place, task: Task) -> str:
        """The join and what belongs to it; answers the node that a token comes to first."""
        id, counting = place.id_of(task), self.counting(task)
        if counting is not None:
            return self._draw_counting(into, place, counting)
        policy = self.policy(task)
        if not self.inputs_cancelled_by(task):
            place.net.config_of(id)["join"] = policy
            return id
        first = place.net.node(f"{id}.join", "transform", output=None, join=policy)
        place.net.chain(first, *self.giving_up(into, place, task), id)
        return first

    def policy(self, task: Task) -> Any:
        """The join policy of the engine that does what the definition says."""
        if not self.has_threshold(task):
            return "all"
        n = int(task.attributes["threshold"])
        rest = {"cancel_rest": True} if self.cancels(task) and self.split(task) else {}
        return {"kind": "any", **rest} if n == 1 else {"kind": "n_of_m", "n": n, **rest}

    def giving_up(self, into: "Translation", place: Place, task: Task) -> list[str]:
        """The nodes that give up what a cancelling join no longer waits for."""
        if not self.cancels(task):
            return []
        id, inputs = place.id_of(task), self.inputs_cancelled_by(task)
        names = inputs or sorted(self.block(task))
        cancel = into.cancel_node(place, task, f"{id}.rest", names)
        voids = [
            place.net.change(f"{id}.void.{name}", "set", into.variable(f"void_{name}", initial=False), value=True)
            for name in inputs
        ]
        return [cancel, *voids]

    def branches(self, task: Task) -> Iterator[set[str]]:
        """The sources of a join that belong to one branch of its split, where a branch has several."""
        split = self.split(task)
        if split is None or not self.has_threshold(task) or self.counting(task) is not None:
            return
        sources = set(self.shape.before[task.name])
        parts = [
            (self.shape.reached([name], stop=(task.name,)) & sources) for name in dict.fromkeys(self.shape.after[split])
        ]
        for part in parts:
            if len(part) > 1 and all(part is other or part.isdisjoint(other) for other in parts):
                yield part

    def entry(self, place: Place, source: str, task: Task, entry: str) -> str:
        """Where an edge into a join ends: several of one branch first come together."""
        for number, part in enumerate(self.branches(task), 1):
            if source in part:
                id = f"{place.id_of(task)}.branch.{number}"
                if id not in place.net.used:
                    place.net.edge(place.net.node(id, "transform", output=None, join="all"), entry)
                return id
        return entry

    def _draw_counting(self, into: "Translation", place: Place, counting: Counting) -> str:
        net, task = place.net, counting.task
        id, outer = place.id_of(task), [each for each in self.counted(task) if each is not counting]
        arrived, fired = counting.variable(into, "arrived"), counting.variable(into, "fired")
        first = f"{id}.arrive"
        if counting.split is None:
            net.node(first, "transform", output=None, join="each")
        else:
            net.change(first, "increment", arrived)
        gone = [each.adjust(into, place, -1, f"{id}.arrive") for each in ([counting] if counting.tracks else [])]
        gone += [each.adjust(into, place, -1, f"{id}.arrive") for each in outer]
        enough = self._enough(into, counting)
        check = net.change(counting.check(place), "set", fired, f"${{ vars.{fired} == 0 ? ({enough} ? 1 : 0) : 2 }}")
        net.chain(first, *gone, check)
        fire = net.node(f"{id}.fires", "transform", output=None, join="each")
        lost = f" - vars.{counting.variable(into, 'pending')}" if self.cancels(task) and counting.tracks else ""
        again = [each.adjust(into, place, f"${{ 1{lost} }}" if lost else 1, f"{id}.fires") for each in outer]
        net.chain(fire, *again, *self.giving_up(into, place, task), id)
        absorbed = net.node(f"{id}.absorbed", "transform", output=None, join="each")
        for each in outer:
            net.edge(absorbed, each.check(place))
        looks = [check]
        if task.name in into.triggered:
            looks.append(net.change(f"{id}.force", "set", fired, f"${{ vars.{fired} == 0 ? 1 : 2 }}"))
        for look in looks:
            net.config_of(look)["split"] = "exclusive"
            net.edge(look, fire, f"vars.{fired} == 1")
            net.edge(look, absorbed)
        return first

    def _enough(self, into: "Translation", counting: Counting) -> str:
        arrived = f"vars.{counting.variable(into, 'arrived')}"
        if counting.by_pending:
            return f"{arrived} > 0 && vars.{counting.variable(into, 'pending')} == 0"
        inputs = len(self.shape.before[counting.task.name])
        return f"{arrived} >= {into.number(count_of(counting.task, 'threshold', str(inputs)))}"

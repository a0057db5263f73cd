"""The shape of a process definition: what leads where, what every way passes, where tokens may become many."""

from collections.abc import Collection, Iterator

from tests.patterns.definition import START, Definition, Task

MULTIPLIERS = frozenset({"multi-instance"})
JOINS = frozenset({"join", "merge"})


class Shape:
    """Reachability, loops and dominators over the tasks of a definition."""

    def __init__(self, definition: Definition) -> None:
        """Walk it once, depth first from the start, successors in their order."""
        self.tasks = definition.tasks
        self.after = {name: [each.name for each in task.successors] for name, task in self.tasks.items()}
        self.before: dict[str, list[str]] = {name: [] for name in self.tasks}
        for name, targets in self.after.items():
            for target in targets:
                self.before[target].append(name)
        self.order: list[str] = []
        self.back: set[tuple[str, str]] = set()
        self._walk(START, set(), [])
        self.order.reverse()
        self.dominators = self._dominators()

    def _walk(self, name: str, seen: set[str], path: list[str]) -> None:
        seen.add(name)
        path.append(name)
        for target in self.after[name]:
            if target in path:
                self.back.add((name, target))
            elif target not in seen:
                self._walk(target, seen, path)
        path.pop()
        self.order.append(name)

    def _dominators(self) -> dict[str, set[str]]:
        found = {START: {START}}
        for name in self.order[1:]:
            known = [found[each] for each in self.before[name] if each in found and (each, name) not in self.back]
            found[name] = set.intersection(*known) | {name} if known else {name}
        return found

    def reached(self, names: Collection[str], stop: Collection[str] = ()) -> set[str]:
        """What these lead to, themselves included; nothing is followed beyond `stop`."""
        found, pending = set(names), [name for name in names if name not in stop]
        while pending:
            for target in self.after[pending.pop()]:
                if target not in found:
                    found.add(target)
                    if target not in stop:
                        pending.append(target)
        return found

    def reaching(self, name: str) -> set[str]:
        """What leads to this task."""
        found: set[str] = set()
        pending = [name]
        while pending:
            for source in self.before[pending.pop()]:
                if source not in found:
                    found.add(source)
                    pending.append(source)
        return found

    def block(self, split: str, join: str) -> set[str]:
        """The tasks between a split and its join."""
        within = self.reached(self.after[split], stop=(join,)) & self.reaching(join)
        return within - {split, join}

    def dominated(self, name: str) -> list[str]:
        """The tasks that are reached through this one only, itself included, in order."""
        return [other for other in self.order if name in self.dominators[other]]

    def nearest_dominator(self, name: str) -> str:
        """The task nearest before this one that every way to it passes."""
        return max(self.dominators[name] - {name}, key=lambda other: len(self.dominators[other]), default=START)

    def swollen(self) -> set[str]:
        """Tasks that more than one token may come to for one that comes to a task before them."""
        sources = [name for name in self.order if self.tasks[name].kind in MULTIPLIERS]
        return {name for source in (*sources, *self._merging()) for name in self._swollen_by(source)}

    def _swollen_by(self, source: str) -> set[str]:
        """What follows a task that brings several tokens, up to the joins that bring them together again."""
        stop = [name for name in self.order if self.tasks[name].kind in JOINS and self._gathers(name, source)]
        return self.reached(self.after[source], stop)

    def _gathers(self, join: str, source: str) -> bool:
        """Whether a join waits for all that comes of a task: its split is that task, or before it, or anywhere."""
        split = self.tasks[join].attributes.get("context", "").lower()
        return not split or split in self.dominators[source]

    def _merging(self) -> Iterator[str]:
        """Tasks that merge branches which may all be live, without waiting for them."""
        for name in self.order:
            sources = [source for source in self.before[name] if (source, name) not in self.back]
            kind = self.tasks[name].kind
            split = self.tasks[self.nearest_dominator(name)].kind
            if len(sources) > 1 and kind not in JOINS | {"thread-merge"} and split != "exclusive-choice":
                yield name


def count_of(task: Task, key: str, default: str) -> tuple[str, str]:
    """A count that a task is given: the value, or the name of the field that has it."""
    field = task.attributes.get(f"{key}-field")
    return ("field", field) if field else ("value", task.attributes.get(key) or default)

"""What each kind of task does when it ends, drawn with the engine's constructs."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.patterns.definition import Task
from tests.patterns.going_on import simple
from tests.patterns.joins import Counting
from tests.patterns.multiplying import multi_instance, thread_split, trigger
from tests.patterns.net import Place
from tests.patterns.terms import quoted

if TYPE_CHECKING:
    from tests.patterns.translate import Translation

Construct = Callable[["Translation", Place, Task, str], None]


def exclusive_choice(into: "Translation", place: Place, task: Task, last: str) -> None:
    """The first true condition, else the default."""
    defaults = [successor for successor in task.successors if successor.condition is None]
    if len(defaults) != 1:
        raise into.definition.refuse(task.line, f"`{task.shown}` needs one default-successor, and has {len(defaults)}")
    place.net.config_of(last)["split"] = "exclusive"
    for successor in [each for each in task.successors if each.condition] + defaults:
        target = into.into(place, task, successor.name)
        changes = [(each, each.share(task) + each.weight(successor.name)) for each in into.joins.counted(task)]
        edge_noting(into, place, (last, target), into.condition(task, successor), changes)


def multi_choice(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Everything that is unconditional or true."""
    told = into.joins.counted(task)
    for successor in task.successors:
        target = into.into(place, task, successor.name)
        changes = [(each, each.weight(successor.name)) for each in told]
        edge_noting(into, place, (last, target), into.condition(task, successor), changes)
    place.net.edge(last, place.net.sink(f"{place.id_of(task)}.else"))
    for each in told:
        if each.share(task):
            place.net.chain(last, each.adjust(into, place, -1, place.id_of(task)), each.check(place))


def edge_noting(
    into: "Translation", place: Place, ends: tuple[str, str], condition: str | None, changes: list[tuple[Counting, int]]
) -> None:
    """An edge that tells joins of the tokens that it brings, or that no longer come."""
    source, target = ends
    notes = [(each, by, each.adjust(into, place, by, source)) for each, by in changes if by]
    if not notes:
        place.net.edge(source, target, condition)
        return
    place.net.edge(source, notes[0][2], condition)
    last = place.net.chain(*(note for _, _, note in notes))
    place.net.edge(last, target)
    for each, by, _ in notes:
        if by < 0:
            place.net.edge(last, each.check(place))


def choose(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Narrows another task's choice."""
    choice = into.variable(f"choice_{into.context(task).name}", initial=None)
    chosen = place.net.change(f"{place.id_of(task)}.chooses", "set", choice, list(task.picks))
    simple(into, place, task, place.net.chain(last, chosen))


def release_mutex(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Lets the next one in."""
    free = place.net.change(f"{place.id_of(task)}.frees", "set", into.mutex(task), {"held": False, "now": False})
    simple(into, place, task, place.net.chain(last, free))


def cancel_task(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Gives up other tasks, with all that follows from them alone, whether they have begun or not."""
    id, names = place.id_of(task), into.cancelled_by(task)
    follows = [other for name in names for other in into.shape.dominated(name) if other != task.name]
    cancel = into.cancel_node(place, task, f"{id}.cancels", follows)
    voids = [
        place.net.change(f"{id}.void.{name}", "set", into.variable(f"void_{name}", initial=False), value=True)
        for name in names
    ]
    simple(into, place, task, place.net.chain(last, cancel, *voids))


def cancel(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Ends the whole run at once."""
    if task.successors:
        raise into.definition.refuse(task.line, f"nothing can follow <cancel> (`{task.shown}`)")
    outcome = {"cancelled": task.attributes.get("success", "0") in ("", "0")}
    place.net.edge(last, place.net.node(f"{place.id_of(task)}.ends", "end", terminate=True, output=outcome))


def sub_workflow(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Another definition, run as a blueprint of its own."""
    net, id = place.net, place.id_of(task)
    given = {name: f"${{ {into.value(term)} }}" for name, term in task.passed_in}
    last = net.chain(last, net.node(f"{id}.run", "blueprint", blueprint_id=task.attributes["file"], input=given))
    for number, (name, (kind, text)) in enumerate(task.passed_out, 1):
        answer, member = f"nodes['{id}.run']", quoted(text)
        value = f"{member} in {answer} ? {answer}[{member}] : ''" if kind == "field" else member
        last = net.chain(last, net.change(f"{id}.out.{number}", "set", into.field(name), f"${{ {value} }}"))
    simple(into, place, task, last)


CONSTRUCTS: Mapping[str, Construct] = {
    "multi-choice": multi_choice,
    "exclusive-choice": exclusive_choice,
    "choose": choose,
    "release-mutex": release_mutex,
    "cancel-task": cancel_task,
    "cancel": cancel,
    "multi-instance": multi_instance,
    "trigger": trigger,
    "thread-split": thread_split,
    "sub-workflow": sub_workflow,
}
"""By kind; every other kind of task is simple."""

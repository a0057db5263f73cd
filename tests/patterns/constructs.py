"""What each kind of task does when it ends, drawn with the engine's constructs."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.patterns.definition import Task
from tests.patterns.joins import Counting
from tests.patterns.net import Net, Place
from tests.patterns.structure import count_of
from tests.patterns.terms import quoted

if TYPE_CHECKING:
    from tests.patterns.translate import Translation

MAX_THREADS = 50
"""Of which a field says how many."""
Construct = Callable[["Translation", Place, Task, str], None]


def simple(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Everything that follows is begun."""
    told = into.joins.counted(task)
    changes = {each.task.name: each.share(task) + weight_of(task, each) for each in told}
    for each in told:
        if changes[each.task.name]:
            last = place.net.chain(last, each.adjust(into, place, changes[each.task.name], place.id_of(task)))
    lead_on(into, place, task, last)
    for each in told:
        if changes[each.task.name] < 0:
            place.net.edge(last, each.check(place))


def weight_of(task: Task, counting: Counting) -> int:
    """How many tokens a task that goes on everywhere sends towards a join."""
    return sum(counting.weight(successor.name) for successor in task.successors)


def lead_on(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Edges to everything that follows."""
    for successor in task.successors:
        place.net.edge(last, into.into(place, task, successor.name))


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


def multi_instance(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Brings as many tokens as are due, one after the other, without waiting for any."""
    net, id = place.net, place.id_of(task)
    due, told = due_of(into, task), into.joins.counted(task)
    last = net.chain(last, net.change(f"{id}.plan", "set", due, more_due(due, into.times(task, ""))))
    if task.name in into.triggered:
        last = net.chain(
            last, net.change(f"{id}.ran", "set", into.variable(f"ran_{task.name}", initial=False), value=True)
        )
    last = net.chain(last, *(each.adjust(into, place, -1, id) for each in told if each.share(task)))
    fewer = f"${{ {{'left': vars.{due}.left > 0 ? vars.{due}.left - 1 : 0, 'now': vars.{due}.left > 0}} }}"
    more = net.change(f"{id}.more", "set", due, fewer)
    net.config_of(more)["split"] = "exclusive"
    one = net.node(f"{id}.one", "transform", output=None, join="each")
    spawned = net.node(f"{id}.spawned", "transform", output=None, join="each")
    net.edge(last, more)
    net.edge(more, one, f"vars.{due}.now")
    net.edge(more, spawned)
    one = net.chain(one, *(each.adjust(into, place, weight_of(task, each), f"{id}.one") for each in told))
    lead_on(into, place, task, one)
    net.edge(one, more)
    for each in told:
        if each.share(task):
            net.edge(spawned, each.check(place))


def trigger(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Lets another task bring more, fire before its time, or trigger again."""
    net, id, context = place.net, place.id_of(task), into.context(task)
    times = into.times(task, "1")
    again = task.name in into.triggered
    queued = into.variable(f"queued_{task.name}", 0) if again else ""
    amount = f"{times} + vars.{queued}" if again else times
    last = fire(into, place, context, (last, f"{id}.fires", amount))
    if not again:
        lead_to_context(into, place, context, last)
        simple(into, place, task, last)
        return
    flag, ran = into.variable(f"again_{task.name}", initial=False), into.variable(f"ran_{task.name}", initial=False)
    turn = net.node(f"{id}.turn", "condition", join="each")
    net.chain(last, net.change(f"{id}.empty", "set", queued, 0), turn)
    clear, mark = net.change(f"{id}.clear", "set", flag, value=False), net.change(f"{id}.ran", "set", ran, value=True)
    net.edge(turn, clear, f"vars.{flag}")
    net.edge(turn, mark)
    net.edge(net.change(f"{id}.again", "set", flag, value=True), id)
    for each in (clear, mark):
        lead_to_context(into, place, context, each)
    simple(into, place, task, mark)


def fire(into: "Translation", place: Place, context: Task, fires: tuple[str, str, str]) -> str:
    """Note how much more the other task has to do."""
    last, id, amount = fires
    into.same_graph(place, context)
    if context.kind in ("join", "merge"):
        return place.net.chain(last, place.net.node(id, "transform", output=None, join="each"))
    if context.kind not in ("multi-instance", "trigger"):
        sentence = f"`{context.shown}` is <{context.kind}>, and cannot be triggered"
        raise into.definition.refuse(context.line, sentence)
    if context.kind == "multi-instance":
        due = due_of(into, context)
        return place.net.chain(last, place.net.change(id, "set", due, more_due(due, amount)))
    queued = into.variable(f"queued_{context.name}", 0)
    return place.net.chain(last, place.net.change(id, "increment", queued, f"${{ {amount} }}"))


def due_of(into: "Translation", task: Task) -> str:
    """The variable that says how many instances are still to come, and whether one comes right now."""
    return into.variable(f"due_{task.name}", {"left": 0, "now": False})


def more_due(due: str, amount: str) -> str:
    """What the variable becomes when more are to come."""
    return f"${{ {{'left': vars.{due}.left + {amount}, 'now': false}} }}"


def lead_to_context(into: "Translation", place: Place, context: Task, last: str) -> None:
    """Wake the other task, when it has run already."""
    net, id = place.net, place.id_of(context)
    if context.kind in ("join", "merge"):
        net.edge(last, f"{id}.force")
        return
    ran = into.variable(f"ran_{context.name}", initial=False)
    net.edge(last, f"{id}.{'more' if context.kind == 'multi-instance' else 'again'}", f"vars.{ran}")
    net.edge(last, net.sink(net.id_for(f"{last}.noted", dots=True)))


def thread_split(into: "Translation", place: Place, task: Task, last: str) -> None:
    """Threads are the passes of a map: each has its own joins, and where they merge all have ended."""
    net, id = place.net, place.id_of(task)
    kind, text = count_of(task, "times", "")
    numbers = list(range(int(text) if kind == "value" else MAX_THREADS))
    items = numbers if kind == "value" else f"${{ {numbers}.filter(i, i < {into.times(task, '')}) }}"
    merges = [other for other in into.tasks.values() if other.kind == "thread-merge" and into.context(other) is task]
    body = Place(Net(net.used), merges[0].name if merges else None)
    start = body.net.node(f"{id}.thread", "start")
    begun = body.net.task(f"{id}.ThreadStart", "ThreadStart")
    body.net.edge(start, begun)
    lead_on(into, body, task, begun)
    graph = {"nodes": body.net.nodes, "edges": body.net.edges}
    threads = net.node(f"{id}.threads", "map", items=items, body=graph, join="each")
    net.edge(last, threads)
    if merges:
        net.edge(threads, into.draw(place, merges[0].name))


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

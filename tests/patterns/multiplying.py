"""Tasks that bring more than one token: multiple instances, what triggers more of them, and threads."""

from typing import TYPE_CHECKING, Any

from tests.patterns.definition import Task
from tests.patterns.going_on import lead_on, simple, weight_of
from tests.patterns.net import Net, Place
from tests.patterns.structure import JOINS, count_of

if TYPE_CHECKING:
    from tests.patterns.translate import Translation

MAX_THREADS = 50
"""Of which a field says how many."""


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
    if context.kind in JOINS:
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
    if context.kind in JOINS:
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
    threads = net.node(f"{id}.threads", "map", items=items, body=graph, join="each", **enough(into, merges[:1]))
    net.edge(last, threads)
    if merges:
        net.edge(threads, into.draw(place, merges[0].name))


def enough(into: "Translation", merges: list[Task]) -> dict[str, Any]:
    """How many threads a merge waits for, where it says so."""
    for merge in merges:
        if into.joins.has_threshold(merge):
            if not into.joins.cancels(merge) or "threshold" not in merge.attributes:
                sentence = f"`{merge.shown}` must wait for all threads, or for a number of them and cancel the rest"
                raise into.definition.refuse(merge.line, sentence)
            return {"min_successful": int(merge.attributes["threshold"])}
    return {}

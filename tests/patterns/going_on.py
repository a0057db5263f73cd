"""How a task goes on when it has ended: to everything that follows, with word to the joins that count."""

from typing import TYPE_CHECKING

from tests.patterns.definition import Task
from tests.patterns.joins import Counting
from tests.patterns.net import Place

if TYPE_CHECKING:
    from tests.patterns.translate import Translation


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

"""What a person can do when an order to a run was refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.errors import ProblemError

NOT_FOUND, CONFLICT = 404, 409
LISTED = "`headrace instances` lists your runs."
NEXT = {
    "retry": "Only a failed run that was not compensated can be retried; `headrace run FILE` starts a new one.",
    "signal": "A signal needs a run that goes on; `headrace instances --status waiting` lists those that wait.",
    "decide": "`headrace waits {id}` shows which approvals it waits for; --node says which one is meant.",
    "cancel_node": "`headrace logs {id}` shows which nodes have begun and not ended.",
}
"""What to look at when the state of the run does not allow it; the rest is said by the refusal itself."""


@contextmanager
def saying_what_next(verb: str, instance_id: str) -> Iterator[None]:
    """A refusal of what is done inside says what to do next."""
    try:
        yield
    except ProblemError as problem:
        if problem.status == NOT_FOUND:
            problem.next_step = LISTED
        elif problem.status == CONFLICT:
            problem.next_step = NEXT.get(verb, "").format(id=instance_id)
        raise

"""Which middleware a blueprint leaves out, and in which order it wants the rest: within what the deployment enforces.

Required middleware cannot be left out and stay where the deployment put them; the others change places among
themselves. So nothing that a blueprint orders can get before a limit that the deployment enforces.
"""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from contracts.refusal import Invalid, Problem
from contracts.workflow import MiddlewareChoice
from execution.packages import Named

ENFORCED = frozenset({"critical_section", "correlation", "family", "quota"})
"""Without them a run that queues for a section, waits for a signal with a key or for a child would never go on.

And a quota binds whoever runs a blueprint, whatever the blueprint says.
"""

H = TypeVar("H")


def name_of(handler: Any) -> str:
    """The name of the middleware that a handler belongs to: its module's, or its package's entry point."""
    return handler.name if isinstance(handler, Named) else str(handler.__module__).rpartition(".")[2]


def chosen(handlers: Sequence[H], choice: MiddlewareChoice, required: Collection[str]) -> tuple[H, ...]:
    """The handlers of one event as a blueprint wants them."""
    left = [one for one in handlers if name_of(one) in required or name_of(one) not in choice.leave_out]
    rank = {name: place for place, name in enumerate(choice.order)}
    free = iter(
        sorted(
            (one for one in left if name_of(one) not in required),
            key=lambda one: rank.get(name_of(one), len(rank)),
        )
    )
    return tuple(one if name_of(one) in required else next(free) for one in left)


def check_choice(choice: MiddlewareChoice, known: Collection[str], required: Collection[str]) -> None:
    """Raise `Invalid` (422) with every name that this deployment does not have, or does not let anybody leave out."""
    problems = []
    for member, names in (("leave_out", choice.leave_out), ("order", choice.order)):
        for place, name in enumerate(names):
            pointer = f"/config/middleware/{member}/{place}"
            if name not in known:
                message = f"There is no middleware {name!r}; there are {', '.join(sorted(known))}."
                problems.append(Problem(pointer=pointer, code="unknown_middleware", message=message))
            elif member == "leave_out" and name in required:
                message = f"This deployment requires {name!r}: it cannot be left out."
                problems.append(Problem(pointer=pointer, code="required_middleware", message=message))
    if problems:
        raise Invalid("invalid_middleware", "The blueprint's config.middleware does not fit here.", tuple(problems))

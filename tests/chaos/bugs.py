"""Five bugs of the kind that lose or repeat work, planted into a service's process by replacing one function each."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

ACK_HEAD_START_SECONDS = 3.0
"""Between the early acknowledgement and the claim: whoever dies meanwhile takes the work along."""
SKIPPED_BATCH = 4
"""Every so manieth batch of a projection is forgotten."""


def fencing() -> None:
    """A worker that was taken for dead goes on as if nobody had claimed its instances."""
    from execution.domain.instance import Instance
    from execution.driving import running

    async def reload(run: Any) -> None:
        history = await run.shop.records.history(run.instance.id, 0)
        run.instance = Instance(run.instance.id, run.instance.graph)
        for event in history:
            run.instance.apply(event)
        run.stale = run.spoilt = False

    running.Run.reload = reload  # type: ignore[method-assign,assignment]


def dedupe() -> None:
    """An Idempotency-Key is forgotten as soon as it is written."""
    from execution.steering import idempotency

    idempotency.named_before = lambda *_: None


def checkpoint() -> None:
    """Now and then a checkpoint moves without its rows."""
    from chassis import checkpoints, folding

    fold = folding.Folder._fold_together
    folded = 0

    async def forgetful(self: Any, connection: asyncpg.Connection, batch: Sequence[Any], position: int) -> int:
        nonlocal folded
        folded += 1
        if folded % SKIPPED_BATCH:
            return await fold(self, connection, batch, position)
        async with connection.transaction():
            await checkpoints.advance(connection, self._projection.name, position, batch[-1].position)
        return int(max(position, batch[-1].position))

    folding.Folder._fold_together = forgetful  # type: ignore[method-assign]


def relay_order() -> None:
    """Two neighbours in a batch change places on their way to the bus."""
    from chassis import relay
    from chassis.publishing import EXPECTED_LAST_ID

    def without(headers: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name != EXPECTED_LAST_ID}

    messages = relay.Relay._messages

    def shuffled(self: Any, batch: Sequence[Any], cursor: Any) -> list[Any]:
        made = messages(self, batch, cursor)
        if len(made) > 1:
            first, second, *others = made
            swapped = (second._replace(after=first.after), first._replace(after=second.after), *others)
            made = [message._replace(headers=without(message.headers)) for message in swapped]
        return made

    relay.Relay._messages = shuffled  # type: ignore[method-assign]


def ack_early() -> None:
    """Work is acknowledged before anybody has claimed it, and nobody looks for what was forgotten in this way.

    With the reconciler's look the first alone does no harm: the work is handed out again two seconds later.
    """
    from chassis.pulling import PullFrom, PullLoop
    from execution.driving import reconciler, work

    async def blind(_self: Any, _publisher: Any, _stream: str) -> None:
        """Forgotten starts stay forgotten."""

    def pull(bus: Any, kind: str, worker: Any) -> Any:
        async def take(msg: Any) -> None:
            await msg.ack()
            await asyncio.sleep(ACK_HEAD_START_SECONDS)
            await worker.attend(*work.instance_in(msg.data))

        async def handle(msg: Any) -> None:
            worker.spawn(take(msg))

        async def recreate() -> None:
            await work.ensure_consumers(bus)

        source = PullFrom(bus.stream("work"), work.consumer_name(kind), handle, lambda: worker.free_slots, recreate)
        return PullLoop(bus, source)

    work.pull = pull
    reconciler.Reconciler.republish_forgotten_starts = blind  # type: ignore[method-assign,assignment]


@dataclass(frozen=True, slots=True)
class Bug:
    """How it is planted and into which services, what weather brings it out, and which invariants it must break."""

    plant: Callable[[], None]
    services: tuple[str, ...]
    faults: tuple[str, ...]
    found_by: frozenset[str]


BUGS: dict[str, Bug] = {
    "fencing": Bug(
        fencing,
        ("execution",),
        ("worker-frozen-past-lease",),
        frozenset({"an_effect_is_repeated_only_by_a_new_owner", "no_completed_node_ran_again"}),
    ),
    "dedupe": Bug(
        dedupe,
        ("execution",),
        ("messages-repeated",),
        frozenset({"an_id_that_was_answered_once_answers_for_ever"}),
    ),
    "checkpoint": Bug(
        checkpoint,
        ("metrics",),
        ("messages-repeated",),
        frozenset({"a_rebuilt_read_model_equals_the_live_one", "every_end_is_counted_once"}),
    ),
    "relay-order": Bug(
        relay_order,
        ("execution",),
        ("messages-repeated",),
        frozenset({"facts_are_on_the_bus_once_and_in_order"}),
    ),
    "ack-early": Bug(
        ack_early,
        ("execution",),
        ("workers-killed-with-work-waiting",),
        frozenset({"every_accepted_run_ends_or_waits_for_something_real"}),
    ),
}
"""What `--break` knows."""


def plant(name: str, service: str) -> None:
    """Replace the function, where the service has it."""
    bug = BUGS[name]
    if service in bug.services:
        bug.plant()

"""Commands in: a signal for one instance, and a signal for whoever waits for its key."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chassis import clock
from chassis.answering import Answerer
from chassis.ledger import VersionConflict
from contracts.instance_events import InstanceEvent, SignalReceived
from contracts.message import Request
from contracts.refusal import Unavailable
from contracts.steering import MAX_SIGNALS_KEPT, PostSignal, SignalInstance, SignalView
from execution import door
from execution.domain.instance import Instance
from execution.domain.permissions import acting_team, check_signalled, check_steered
from execution.driving.contention import insist
from execution.driving.records import appended
from execution.handlers import Collaborators
from execution.sizes import check_size
from execution.steering import idempotency, known_keys, orders
from execution.steering.mailbox import Address, owner_of, too_many_signals
from execution.steering.open_waits import has_room_for

PATIENCE_SECONDS = 20.0
"""Many may post to one key at once: so long one stands in line."""


async def signal_instance(command: SignalInstance, at: Collaborators) -> SignalView:
    """Keep a signal for an instance until a wait takes it. Sent again, with the same id or key, it is the same one."""
    check_size("payload", command.body.payload)
    return await given_up_in_time(lambda: signalled(command, at))


async def signalled(command: SignalInstance, at: Collaborators) -> SignalView:
    """One try; raises `VersionConflict` when somebody else used the idempotency key meanwhile."""
    check_steered(await at.records.request(command.instance_id), command.instance_id, command.caller)
    looked = await known_keys.look_up(idempotency.of_signal(command), at.records)
    if looked.named is not None:
        return SignalView(signal_id=looked.named, instance_id=command.instance_id)
    await at.outside.tell(command.instance_id, lambda instance: received(instance, command), also=looked.also)
    return SignalView(signal_id=command.signal_id, instance_id=command.instance_id)


def received(instance: Instance, command: SignalInstance) -> Sequence[SignalReceived]:
    """The signal as a fact, none when it has come before."""
    if command.signal_id in instance.received:
        return ()
    orders.check_alive(instance)
    if len(instance.signals) >= MAX_SIGNALS_KEPT:
        raise too_many_signals(f"{len(instance.signals)} signals wait in this instance")
    signal = SignalReceived(
        originator_id=instance.id,
        originator_version=instance.version + 1,
        timestamp=clock.now(),
        signal_id=command.signal_id,
        name=command.body.name,
        payload=command.body.payload,
        by=command.caller.user_id,
    )
    early = not has_room_for(instance, signal, signal.timestamp)
    return (signal.model_copy(update={"early": early}),)


async def post_signal(command: PostSignal, at: Collaborators) -> SignalView:
    """Hand a signal to the instance that has waited longest for its key, else keep it for the first that will."""
    check_signalled(command.blueprint, command.caller)
    door.check_in_use(command.blueprint)
    check_size("payload", command.body.payload)
    return await given_up_in_time(lambda: posted(command, at))


async def posted(command: PostSignal, at: Collaborators) -> SignalView:
    """One try; raises `VersionConflict` when somebody else used the mailbox, or the idempotency key, meanwhile."""
    mailbox = await at.mailboxes.open(address_of(command))
    looked = await known_keys.look_up(idempotency.of_signal(command), at.records)
    signal_id = looked.named or command.signal_id
    if looked.named is not None or mailbox.knows(signal_id):
        return SignalView(signal_id=signal_id, instance_id=mailbox.taken.get(signal_id))
    for instance_id in mailbox.line:
        offer = Offer(command)
        taken = appended([mailbox.hand_to(instance_id, signal_id, clock.now())])
        await at.outside.tell(instance_id, offer, also=(taken, *looked.also))
        if offer.accepted:
            return SignalView(signal_id=signal_id, instance_id=instance_id)
    kept = mailbox.post(signal_id, command.body.payload, command.caller.user_id, clock.now())
    await at.records.append([kept], also=looked.also)
    return SignalView(signal_id=signal_id, instance_id=None)


def address_of(command: PostSignal) -> Address:
    """The mailbox of a key: the team's where the caller acts for the blueprint's team, else the caller's own."""
    owner = owner_of(command.caller.user_id, acting_team(command.blueprint, command.caller))
    return Address(command.blueprint.id, owner, command.body.name, command.body.key)


class Offer:
    """Decides whether an instance in the line takes a signal; `accepted` tells what it found."""

    def __init__(self, command: PostSignal) -> None:
        """The signal that the command brings."""
        self.command = command
        self.accepted = False

    def __call__(self, instance: Instance) -> Sequence[InstanceEvent]:
        """The signal as the instance's fact, if a visit still waits for it."""
        body = self.command.body
        signal = SignalReceived(
            originator_id=instance.id,
            originator_version=instance.version + 1,
            timestamp=clock.now(),
            signal_id=self.command.signal_id,
            name=body.name,
            payload=body.payload,
            by=self.command.caller.user_id,
            key=body.key,
        )
        self.accepted = has_room_for(instance, signal, signal.timestamp)
        return (signal,) if self.accepted else ()


async def given_up_in_time(attempt: Callable[[], Awaitable[SignalView]]) -> SignalView:
    """Try until it is recorded; raises `Unavailable` when too many others send signals to the same target."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await insist(attempt)
    except (TimeoutError, VersionConflict) as error:
        detail = "Too many signals for the same target at once; send it again."
        raise Unavailable("busy", detail, retry_after_seconds=1.0) from error


COMMANDS: Mapping[type[Request], Answerer] = {SignalInstance: signal_instance, PostSignal: post_signal}
"""What lets a caller tell runs something."""

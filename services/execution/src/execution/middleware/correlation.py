"""Bring together the signals that name a key and the instances that wait for it."""

from datetime import datetime

from contracts import instance_events as facts
from execution.domain.folds.nodes import visit_of
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.middleware.contract import Surroundings, Verdict
from execution.steering.mailbox import Address, Mailbox, owner_of
from execution.steering.open_waits import open_waits


async def look_into_mailbox(event: facts.WaitStarted, turn: Turn, around: Surroundings) -> Verdict:
    """Take what was posted before anybody waited, else line up for what will be.

    Either is recorded together with the turn or not at all; a mailbox that changes meanwhile makes the turn be
    decided again.
    """
    visit = visit_of(event)
    for awaited in keyed(event):
        if not still_waits(turn.instance, visit, turn.now):
            break
        mailbox = await opened(address_of(turn.instance, awaited), turn, around)
        if mailbox.posted:
            await take_oldest(mailbox, turn, around)
        else:
            turn.beside.append(mailbox.line_up(turn.instance.id, visit, awaited.label, turn.now))
    return Verdict.PASS


def keyed(event: facts.WaitStarted) -> list[facts.WaitFor]:
    """The signals with a key that a visit waits for."""
    return [awaited for awaited in event.waits_for if awaited.kind == "signal" and awaited.key is not None]


def still_waits(instance: Instance, visit: Visit, now: datetime) -> bool:
    """Whether nothing has come for the visit yet."""
    return any(awaited.visit == visit for awaited in open_waits(instance, now))


def address_of(instance: Instance, awaited: facts.WaitFor) -> Address:
    """The mailbox that a wait looks into."""
    request = instance.request
    owner = owner_of(request.user_id, request.team_id)
    return Address(request.blueprint_id, owner, awaited.name or "", awaited.key or "")


async def opened(address: Address, turn: Turn, around: Surroundings) -> Mailbox:
    """The mailbox as it will be when what this turn has decided so far is recorded."""
    mailbox = await around.mailboxes.open(address)
    for event in turn.beside:
        if event.originator_id == address.stream_id:
            mailbox.apply(event)
    return mailbox


async def take_oldest(mailbox: Mailbox, turn: Turn, around: Surroundings) -> None:
    """Take the signal that has been kept longest."""
    posted = await around.mailboxes.posted(mailbox, next(iter(mailbox.posted)))
    turn.beside.append(mailbox.hand_to(turn.instance.id, posted.signal_id, turn.now))
    said = posted.model_dump(include={"signal_id", "name", "key", "by"})
    turn.record(facts.SignalReceived, **said, payload=posted.payload)

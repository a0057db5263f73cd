"""Many who tell one instance something at the same time: all are heard, each gets its own answer."""

import asyncio

from chassis.ids import new_id
from contracts.execution import CancelInstance
from contracts.instance_events import InstanceCancelRequested, SignalReceived
from contracts.refusal import Missing
from contracts.steering import SignalBody, SignalInstance
from tests.execution.families import WAITS, reaches
from tests.support.builders import ALICE, BOB
from tests.support.mill import Mill

CROWD = 60


async def test_everybody_is_heard(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(WAITS), wait=0)

    def signal(number: int) -> SignalInstance:
        body = SignalBody(name="other", payload=number)
        return SignalInstance(caller=ALICE, instance_id=answer.instance_id, signal_id=new_id(), body=body)

    await asyncio.gather(*(mill.runtime.bus.ask_for(signal(number)) for number in range(CROWD)))

    heard = [fact.payload for fact in await mill.facts(answer.instance_id) if isinstance(fact, SignalReceived)]
    assert sorted(heard) == list(range(CROWD))


async def test_one_who_is_refused_keeps_nobody_else_from_being_heard(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(WAITS), wait=0)
    orders = [CancelInstance(caller=caller, instance_id=answer.instance_id) for caller in (BOB, ALICE) * 20]

    said = await asyncio.gather(*map(mill.runtime.bus.ask_for, orders), return_exceptions=True)

    await reaches(mill, answer.instance_id, "cancelled")
    assert [isinstance(one, Missing) for one in said] == [True, False] * 20
    asked = [fact for fact in await mill.facts(answer.instance_id) if isinstance(fact, InstanceCancelRequested)]
    assert len(asked) == 1

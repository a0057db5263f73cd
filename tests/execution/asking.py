"""What callers ask of runs in these specifications, in a word each."""

from typing import Any
from uuid import UUID

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference
from contracts.message import Caller
from contracts.steering import (
    DecideApproval,
    DecisionBody,
    GetWaits,
    KeyedSignalBody,
    PostSignal,
    SignalBody,
    SignalInstance,
    SignalView,
    SteeringCommand,
    SteeringView,
    WaitsView,
)
from tests.support.builders import ALICE, BOB
from tests.support.eventually import eventually
from tests.support.mill import Mill

CAROL = Caller(user_id="carol", teams=("finance",))
DAN = Caller(user_id="dan", teams=("mill",))
"""Of alice's team; carol is not, and neither is bob."""
STRANGER = BOB


async def begun(mill: Mill, blueprint: BlueprintReference, input: Any = None, **changed: Any) -> UUID:
    """Alice executes; nobody waits for the end."""
    return (await mill.execute(blueprint, input, wait=0, **changed)).instance_id


async def reaches(mill: Mill, instance_id: UUID, status: str) -> None:
    """Return when the ledger says so."""

    async def is_so() -> bool:
        return (await mill.at.records.load(instance_id)).status == status

    await eventually(is_so)


async def has_rested(mill: Mill, instance_id: UUID) -> None:
    """Return once it has left memory, whether or not its time has come since."""

    async def is_so() -> bool:
        return "InstanceSuspended" in await mill.told(instance_id)

    await eventually(is_so)


async def output(mill: Mill, instance_id: UUID) -> Any:
    """What the run answers once it has completed."""
    await reaches(mill, instance_id, "completed")
    return (await mill.instance(instance_id)).output


async def order(
    mill: Mill, kind: type[SteeringCommand], instance_id: UUID, caller: Caller = ALICE, **more: Any
) -> SteeringView:
    """Give an order to a run."""
    answer = await mill.runtime.bus.ask_for(kind(caller=caller, instance_id=instance_id, **more))
    assert isinstance(answer, SteeringView)
    return answer


async def decide(
    mill: Mill, instance_id: UUID, *, approved: bool = True, caller: Caller = ALICE, **body: Any
) -> SteeringView:
    """Approve or reject."""
    return await order(mill, DecideApproval, instance_id, caller, approved=approved, body=DecisionBody(**body))


async def signal(
    mill: Mill, instance_id: UUID, name: str, payload: Any = None, caller: Caller = ALICE, **more: Any
) -> SignalView:
    """Send a signal to one run."""
    asked: dict[str, Any] = {"caller": caller, "instance_id": instance_id, "signal_id": new_id()} | more
    answer = await mill.runtime.bus.ask_for(SignalInstance(**asked, body=SignalBody(name=name, payload=payload)))
    assert isinstance(answer, SignalView)
    return answer


async def post(
    mill: Mill, blueprint: BlueprintReference, name: str, key: str, payload: Any = None, **more: Any
) -> SignalView:
    """Send a signal to whoever waits for its key."""
    asked: dict[str, Any] = {"caller": ALICE, "blueprint": blueprint, "signal_id": new_id()} | more
    body = KeyedSignalBody(name=name, key=key, payload=payload)
    answer = await mill.runtime.bus.ask_for(PostSignal(**asked, body=body), 30)
    assert isinstance(answer, SignalView)
    return answer


async def waits(mill: Mill, instance_id: UUID, caller: Caller = ALICE) -> WaitsView:
    """What a run waits for."""
    answer = await mill.runtime.bus.ask_for(GetWaits(caller=caller, instance_id=instance_id))
    assert isinstance(answer, WaitsView)
    return answer

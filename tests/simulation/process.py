"""One execution process: the real worker, pipeline, door and steering, on a simulated way to the others."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from chassis import clock
from contracts.message import Request
from execution.domain.decisions.finishing import ChildRequested
from execution.domain.instance import Instance
from execution.domain.visits import Visit
from execution.driving.effects import Effects
from execution.driving.endings import Endings
from execution.driving.outside import Outside
from execution.driving.records import Records
from execution.driving.running import Workshop
from execution.driving.worker import Worker
from execution.families import children
from execution.handlers import COMMANDS, Collaborators
from execution.memory.deployment import Deployment
from execution.memory.section_keeper import SectionKeeper
from execution.middleware.contract import Decide, Surroundings
from execution.middleware.family import give_up, is_on_its_own, is_terminated, tell_parent
from execution.nodes.action import NodeCall
from execution.nodes.model import ModelAction
from execution.nodes.registry import NodeActions
from execution.nodes.tool import ToolAction
from execution.pipeline import Pipeline
from execution.providers import Providers
from execution.steering import runs as steering
from execution.steering import signals
from execution.steering.mailboxes import Mailboxes
from execution.tools import Tools
from tests.simulation.fate import Died
from tests.simulation.ledger import Line
from tests.simulation.memories import Quotas
from tests.simulation.tools import tools_of

if TYPE_CHECKING:
    from tests.simulation.world import World

SLOTS = 32
ANSWERS: Mapping[type[Request], Any] = {**COMMANDS, **steering.COMMANDS, **signals.COMMANDS}


class Process:
    """A process with its number in the order of births for an id, so that a history is the same each time."""

    def __init__(self, world: "World") -> None:
        """It does nothing yet."""
        self.world = world
        self.id = UUID(int=1 + len(world.processes))
        self.dead = False
        self.frozen_at = float("inf")
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.at = self.collaborators()

    def collaborators(self) -> Collaborators:
        """Wired as in `execution.app`, with stand-ins for what is not the engine."""
        world, records = self.world, Records(Line(self.world, self, self.world.store))
        bus = cast("Any", SimpleNamespace(subject=lambda *parts: ".".join(parts), nc=self))
        mailboxes = Mailboxes(records)
        shared = world.answers, world.limits, Quotas(), world.sections
        around = Surroundings(*shared, mailboxes, self.tell, Deployment())
        pipeline = Pipeline(around)
        actions = NodeActions({"tool": ToolAction(Tools(tools_of(self))), "model": ModelAction(Providers({}))})
        effects = Effects(actions, lambda *_: None, self.request_child, self.no_secrets)
        leases = cast("Any", SimpleNamespace(worker_id=self.id, alive=self.alive))
        worker = Worker(Workshop(records, pipeline, effects), cast("Any", world.library), leases, SLOTS)
        return Collaborators(
            bus=bus,
            records=records,
            known=cast("Any", world.library),
            pipeline=pipeline,
            worker=worker,
            endings=Endings(worker, records, bus),
            outside=Outside(bus, records, pipeline, worker),
            reader=cast("Any", None),
            mailboxes=mailboxes,
        )

    def begin(self) -> None:
        """Wake instances in time, and mend sections."""
        self.at.worker.spawn(self.at.worker.keep_waking())
        keeper = SectionKeeper(cast("Any", self.world.sections), self.at.records, self.at.pipeline.around)
        self.at.worker.spawn(keeper.run())

    async def answer(self, request: Request) -> Any:
        """What a handler says; a dead process says nothing for ever."""
        await self.breath()
        answered = await ANSWERS[type(request)](request, self.at)
        await self.breath()
        return answered

    async def attend(self, instance_id: UUID, version: int) -> None:
        """A work message arrives."""
        await self.breath()
        await self.at.worker.attend(instance_id, version)
        await self.breath()

    def poke(self, instance_id: UUID) -> None:
        """A nudge arrives."""
        run = self.at.worker.runs.get(instance_id)
        if run is not None:
            run.poke()

    async def breath(self) -> None:
        """Where a process may find that it is frozen, or dead; raises `Died`."""
        await self.thawed.wait()
        if self.dead:
            raise Died

    def freeze(self, seconds: float) -> None:
        """Stand still."""
        self.frozen_at = clock.monotonic()
        self.thawed.clear()
        asyncio.get_running_loop().call_later(seconds, self.thaw)

    def thaw(self) -> None:
        """Go on."""
        self.frozen_at = float("inf")
        self.thawed.set()

    # ── what it asks of the others ────────────────────────────────────────────────────────────────────────────────

    async def alive(self) -> frozenset[UUID]:
        """As the leases say."""
        await asyncio.sleep(self.world.fate.way())
        await self.breath()
        return self.world.alive()

    async def publish(self, subject: str, payload: bytes) -> None:
        """The only thing it says on the bus: a nudge to whoever drives an instance."""
        self.world.nudge(UUID(subject.rpartition(".")[2]), UUID(payload.decode()))

    async def tell(self, instance_id: UUID, decide: Decide) -> Instance:
        """Record an outside fact."""
        return await self.at.outside.tell(instance_id, decide)

    async def no_secrets(self, *_: object) -> Any:
        """No example needs one."""
        raise NotImplementedError

    async def request_child(self, instance: Instance, visit: Visit, call: NodeCall) -> ChildRequested:
        """Start another instance."""
        return await children.request(instance, visit, call, self.at)

    async def look_after_families(self) -> None:
        """What the keeper of families does with its read model."""
        for known in list(self.world.known.values()):
            parent = known.request.parent
            if parent is None or parent.detached:
                continue
            asker = self.world.known[parent.instance_id]
            if known.ended and not asker.ended and known.id not in asker.children_ended:
                self.at.worker.spawn(tell_parent(await self.at.records.load(known.id), self.tell))
            elif asker.ended and not is_on_its_own(known):
                self.at.worker.spawn(give_up(known.id, self.tell, at_once=is_terminated(asker)))

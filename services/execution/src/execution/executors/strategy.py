"""What an executor is: given the ready visits and how many are in flight, which to begin now."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from contracts.execution import RunError
from contracts.instance_events import InstanceEvent
from execution.domain.instance import Instance
from execution.domain.visits import Visit


class Executor(Protocol):
    """Chooses; keeps no state, so that a run can go on in another process."""

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """The visits to begin now, at most `limit - in_flight`; empty to wait for one in flight."""
        ...


@runtime_checkable
class Patient(Executor, Protocol):
    """An executor that may choose nothing now and something later, although nothing has happened to the instance."""

    def expects(self, ready: Collection[Visit]) -> bool:
        """Whether it will choose something of what is ready, as soon as it has made up its mind."""
        ...


class Session(Patient, Protocol):
    """An executor at work beside the turns of one run."""

    @property
    def fault(self) -> RunError | None:
        """Why the run cannot go on with it, if it cannot."""
        ...

    def objection(self, visits: Mapping[str, int]) -> RunError | None:
        """What speaks against the end of the run, in which each node was visited so often."""
        ...

    def hear(self, events: Iterable[InstanceEvent], instance: Instance) -> None:
        """These facts are recorded, perhaps told for the second time; the instance stands as they say."""
        ...

    async def rest(self) -> None:
        """The run leaves memory in good order: keep what is needed to go on."""
        ...

    def stop(self) -> None:
        """Let go at once."""
        ...

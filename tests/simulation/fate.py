"""What the seed decides: how long things take, what gets lost or comes twice, who dies and when."""

import random
from dataclasses import dataclass, field
from typing import ClassVar, Literal

When = Literal["before", "after"]

QUICK, SLOW = 0.0005, 0.02
"""Seconds that one way to the ledger or over the bus takes."""


class Died(BaseException):
    """Raised wherever a dead process would do something: what it held in memory is gone, locks included."""


@dataclass(frozen=True)
class Crash:
    """The process that asks for the `commit`-th commit of the history dies before it, or right after it."""

    WHENS: ClassVar[tuple[When, ...]] = ("before", "after")

    commit: int
    when: When


@dataclass
class Fate:
    """Everything that is not up to the code. Two fates with the same members are the same history."""

    seed: int
    crashes: tuple[Crash, ...] = ()
    death: float = 0.0
    """Chance of each commit to kill its process, before or after."""
    freeze: float = 0.0
    """Chance of each commit to stop its process for longer than its lease, and to let it go on then."""
    loss: float = 0.0
    """Chance of a message to get lost."""
    repetition: float = 0.0
    """Chance of a message to come twice."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self.chance = random.Random(self.seed)

    def strikes(self, chance: float) -> bool:
        """Whether something of this chance happens now."""
        return chance > 0 and self.chance.random() < chance

    def way(self) -> float:
        """How long the next way takes."""
        return self.chance.uniform(QUICK, SLOW)


def storm(seed: int) -> Fate:
    """Much goes wrong."""
    return Fate(seed, death=0.06, freeze=0.03, loss=0.1, repetition=0.15)

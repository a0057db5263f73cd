"""What clients asked and were told, each word of it, in the order in which it happened."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OVER = frozenset({"completed", "failed", "cancelled", "terminated"})


@dataclass(frozen=True, slots=True)
class Told:
    """One question and its answer; `http` is None where nobody knows what became of it."""

    at: float
    verb: str
    token: str
    """The story that it belongs to; a request to execute carries it in its metadata."""
    http: int | None = None
    instance_id: str | None = None
    status: str | None = None
    output: Any = None
    shows_output: bool = False
    """Whether the answer has an output at all: an acceptance has none."""
    key: str | None = None
    """The Idempotency-Key."""
    detail: Any = None

    @property
    def accepted(self) -> bool:
        """Whether it was done, as far as the client knows."""
        return self.http is not None and 200 <= self.http < 300

    @property
    def refused(self) -> bool:
        """Whether the client was told that nothing was done."""
        return self.http is not None and 400 <= self.http < 500


@dataclass
class History:
    """Grows while the storm lasts."""

    entries: list[Told] = field(default_factory=list)

    def tell(self, verb: str, token: str, **more: Any) -> Told:
        """Add an entry, now."""
        told = Told(time.time(), verb, token, **more)
        self.entries.append(told)
        return told

    def write(self, path: Path) -> None:
        """Keep it for whoever looks into a failure."""
        with path.open("w") as file:
            file.writelines(json.dumps(asdict(entry), default=str) + "\n" for entry in self.entries)


def executions(entries: Iterable[Told]) -> Iterator[Told]:
    """The requests to begin a run."""
    return (entry for entry in entries if entry.verb == "execute")

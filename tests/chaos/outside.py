"""The world outside: an append-only file that remembers every effect, whatever becomes of the stack."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER_VARIABLE = "CHAOS_FOLDER"
EFFECTS = "effects.ndjson"
STRIKE = "strike"
"""While a file of this name lies in the folder, the next effect kills its worker before it can say that it is done."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something happened, under this key."""

    key: str
    node_id: str
    attempt: int
    at: float
    pid: int

    @property
    def place(self) -> tuple[str, str, str, int]:
        """(instance, scope, node, visit), as the key names them."""
        instance, scope, node, visit = self.key_parts[:4]
        return instance, scope, node, int(visit)

    @property
    def key_parts(self) -> tuple[str, str, str, str, str]:
        """`instance/scope/node/visit/attempt`; a scope may hold slashes of its own."""
        instance, rest = self.key.split("/", 1)
        scope, node, visit, attempt = rest.rsplit("/", 3)
        return instance, scope, node, visit, attempt


def append(folder: Path, effect: Effect) -> None:
    """Write one line, as a whole and onto the disk."""
    line = json.dumps(asdict(effect)) + "\n"
    descriptor = os.open(folder / EFFECTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(folder: Path) -> Iterable[Effect]:
    """Everything that ever happened, in its order."""
    path = folder / EFFECTS
    lines = path.read_text().splitlines() if path.exists() else []
    return [Effect(**json.loads(line)) for line in lines]


def struck(folder: Path) -> bool:
    """Whether this process is the one that a strike was meant for; only one is."""
    try:
        (folder / STRIKE).rename(folder / f"{STRIKE}.{os.getpid()}")
    except FileNotFoundError:
        return False
    return True

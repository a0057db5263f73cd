"""One directory that holds everything of an embedded stack, and the lock that keeps a second stack out."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from headrace.embedded.secrets import write_private
from headrace.errors import Complaint

LOCK_FILE = "lock"
LOCK_TRIES = 5
LOCK_PAUSE_SECONDS = 0.02
STATE_FILE = "state.json"
BACKUPS = "backups"
"""Folder for what is taken before migrations, and for backups that were given no place."""
SEARCHABLE = 0o711
"""The directory itself may be passed through (PostgreSQL's user must), what lies in it is private file by file."""


@dataclass
class State:
    """What runs, for other commands to find: written by the supervisor, gone when it has stopped."""

    pid: int
    url: str
    namespace: str
    ready: bool = False
    embedded: bool = True
    nats_url: str = ""
    """The bus as the operator sees it."""
    nats_urls: dict[str, str] = field(default_factory=dict)
    """By service, with its password."""
    postgres_dsns: dict[str, str] = field(default_factory=dict)
    """By service, with its password: the file is readable by its owner alone."""
    processes: dict[str, int | None] = field(default_factory=dict)
    """Pid by process name; None while it is being started again."""
    restarts: dict[str, int] = field(default_factory=dict)


@contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """Make the directory and keep it to ourselves, until the block ends or the process dies."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=SEARCHABLE)
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Complaint(f"{data_dir} cannot be used ({error.strerror}): choose another --data-dir.") from error
    try:
        if not _lock(descriptor, LOCK_TRIES):
            raise Complaint(_taken(data_dir))
        (data_dir / STATE_FILE).unlink(missing_ok=True)
        (data_dir / "logs").mkdir(exist_ok=True, mode=0o700)
        try:
            yield
        finally:
            (data_dir / STATE_FILE).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, tries: int) -> bool:
    # A `headrace status` that looks at the same moment holds the lock for a blink, hence more than one try.
    for _ in range(tries):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def _taken(data_dir: Path) -> str:
    running = read_state(data_dir)
    where = f" (pid {running.pid}, {running.url})" if running else ""
    return f"Headrace already runs on {data_dir}{where}: use it, stop it first, or choose another --data-dir."


def write_state(data_dir: Path, state: State) -> None:
    """Publish what runs."""
    write_private(data_dir / STATE_FILE, json.dumps(asdict(state), indent=2))


def read_state(data_dir: Path) -> State | None:
    """What runs on this directory, or None: what a killed supervisor left behind does not count."""
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if _lock(descriptor, tries=1):
            return None
        found = json.loads((data_dir / STATE_FILE).read_text(encoding="utf-8"))
        known = {member.name for member in fields(State)}
        return State(**{name: value for name, value in found.items() if name in known})
    except FileNotFoundError:
        return None
    finally:
        os.close(descriptor)

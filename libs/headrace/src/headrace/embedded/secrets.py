"""Passwords and signing key of one data directory: drawn once, readable by its owner alone."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from chassis.sealing import new_key
from headrace.permissions import USERS

SECRETS_FILE = "secrets.json"
SECRET_BYTES = 32


def _draw() -> str:
    # The letter in front keeps nats.conf from reading a secret such as 12e45 as a number.
    return "s" + secrets.token_hex(SECRET_BYTES)


@dataclass(frozen=True)
class Secrets:
    """Everything in the embedded stack that must not be guessed."""

    jwt: str = field(default_factory=_draw)
    postgres: str = field(default_factory=_draw)
    blueprint: str = field(default_factory=_draw)
    execution: str = field(default_factory=_draw)
    metrics: str = field(default_factory=_draw)
    access: str = field(default_factory=_draw)
    sealing_key: str = field(default_factory=new_key)
    bus: dict[str, str] = field(default_factory=lambda: {user: _draw() for user in USERS})
    """The password of each user of NATS."""

    def password_of(self, service: str) -> str:
        """The database password of a service that has a role."""
        return str(getattr(self, service))


def read_secrets(data_dir: Path) -> Secrets | None:
    """The secrets of a data directory, or None where nothing was ever started."""
    try:
        stored = json.loads((data_dir / SECRETS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    known = {name.name for name in fields(Secrets)}
    found = Secrets(**{name: value for name, value in stored.items() if name in known})
    return replace(found, bus={user: found.bus.get(user) or _draw() for user in USERS})


def secrets_of(data_dir: Path) -> Secrets:
    """The secrets of a data directory, drawing those that are missing."""
    found = read_secrets(data_dir) or Secrets()
    write_private(data_dir / SECRETS_FILE, json.dumps(asdict(found), indent=2))
    return found


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole with one that only its owner may read (mode 0600)."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)

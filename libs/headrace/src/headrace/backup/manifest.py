"""What a backup consists of, and whether it is whole."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from headrace.errors import Complaint

MANIFEST = "manifest.json"
DATABASE = "database.dump"
SECRETS = "secrets.sealed"
FORMAT = 1
"""Raised when an older version could not read a newer backup."""
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Schema:
    """One service's schema at the moment of the backup."""

    migrations: dict[str, str] = field(default_factory=dict)
    """SHA-256 by `module/number_name`."""
    events: int = 0
    head: int = 0
    """The ledger's last position."""


@dataclass(frozen=True)
class Manifest:
    """Everything that is known of a backup; `files` maps each file to its bytes and SHA-256."""

    at: str
    version: str
    server: int
    """Major version of the PostgreSQL that it was taken from."""
    schemas: dict[str, Schema]
    files: dict[str, dict[str, Any]]
    reason: str = "asked for"
    format: int = FORMAT

    @property
    def events(self) -> int:
        """Facts in all ledgers."""
        return sum(schema.events for schema in self.schemas.values())

    def write(self, folder: Path) -> None:
        """As `manifest.json`."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup that this version can read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Complaint(f"{folder} is no backup: it holds no {MANIFEST}.") from error
    except ValueError as error:
        raise Complaint(f"{folder / MANIFEST} cannot be read ({error}): take another backup.") from error
    if found.get("format", 0) > FORMAT:
        raise Complaint(f"{folder} was made by a newer version ({found.get('version')}): restore it with that one.")
    known = {member.name for member in fields(Manifest)}
    schemas = {name: Schema(**schema) for name, schema in found.pop("schemas").items()}
    return Manifest(schemas=schemas, **{name: value for name, value in found.items() if name in known})


def verified(folder: Path) -> Manifest:
    """The manifest of a backup whose files are all there and unchanged; raises a `Complaint` else."""
    manifest = read_manifest(folder)
    problems = list(_problems(folder, manifest))
    if problems:
        raise Complaint(f"{folder} is damaged: {'; '.join(problems)}. Use another backup.")
    return manifest


def described(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Bytes and checksum of the files."""
    return {name: {"bytes": (folder / name).stat().st_size, "sha256": checksum(folder / name)} for name in names}


def checksum(path: Path) -> str:
    """SHA-256 of a file's content."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _problems(folder: Path, manifest: Manifest) -> Iterator[str]:
    for name, told in manifest.files.items():
        path = folder / name
        if not path.exists():
            yield f"{name} is missing"
        elif path.stat().st_size != told["bytes"]:
            yield f"{name} has {path.stat().st_size:,} bytes instead of {told['bytes']:,}"
        elif checksum(path) != told["sha256"]:
            yield f"{name} has another checksum than when it was written"

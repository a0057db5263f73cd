"""Archives: facts in compressed files, each with its checksum, all of them in one chain."""

import base64
import gzip
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

FORMAT = 1
MANIFEST = "manifest.json"
LEVEL = 6
PRIVATE = 0o600


class DamagedArchive(Exception):
    """A file is missing, changed or out of its place in the chain; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger, exactly."""

    position: int
    stream_id: UUID
    version: int
    topic: str
    state: bytes
    event_id: UUID | None
    metadata: bytes | None

    def line(self) -> str:
        """As one line of an archive."""
        return json.dumps(
            {
                "position": self.position,
                "stream_id": str(self.stream_id),
                "version": self.version,
                "topic": self.topic,
                "state": _text(self.state),
                "event_id": self.event_id and str(self.event_id),
                "metadata": None if self.metadata is None else _text(self.metadata),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Row":
        """From one line of an archive."""
        return cls(
            position=line["position"],
            stream_id=UUID(line["stream_id"]),
            version=line["version"],
            topic=line["topic"],
            state=_bytes(line["state"]),
            event_id=line["event_id"] and UUID(line["event_id"]),
            metadata=None if line["metadata"] is None else _bytes(line["metadata"]),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in the manifest. `chain` is the SHA-256 of the chain before it and of this file's own."""

    file: str
    sha256: str
    chain: str
    streams: int
    events: int
    first_position: int
    last_position: int
    made_at: str


class Archive:
    """A folder of archived facts of one service."""

    def __init__(self, folder: Path, service: str) -> None:
        """Nothing is read or made yet."""
        self.folder = folder
        self.service = service

    def entries(self) -> list[Entry]:
        """The files in their order; none where nothing was archived yet."""
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise DamagedArchive(f"{self.folder / MANIFEST} cannot be read: {error}") from error
        if found["service"] != self.service:
            raise DamagedArchive(f"{self.folder} is the archive of {found['service']}, not of {self.service}")
        return [Entry(**entry) for entry in found["files"]]

    def add(self, rows: Sequence[Row], made_at: str) -> Entry:
        """Write one more file, read it again and compare; only then does the manifest name it."""
        entries = self.entries()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{self.service}-{len(entries) + 1:06}.ndjson.gz"
        draft = self.folder / f"{name}.draft"
        _write(draft, rows)
        if list(_rows(draft)) != list(rows):
            raise DamagedArchive(f"{draft} does not read as it was written: the disk is not to be trusted")
        digest = _checksum(draft)
        draft.replace(self.folder / name)
        entry = Entry(
            file=name,
            sha256=digest,
            chain=_linked(entries[-1].chain if entries else "", digest),
            streams=len({row.stream_id for row in rows}),
            events=len(rows),
            first_position=min(row.position for row in rows),
            last_position=max(row.position for row in rows),
            made_at=made_at,
        )
        self._write_manifest([*entries, entry])
        return entry

    def verify(self) -> list[Entry]:
        """Every entry, once every file is there, unchanged, in its place in the chain, and holds what it should."""
        entries, chain = self.entries(), ""
        for entry in entries:
            chain = _linked(chain, entry.sha256)
            if chain != entry.chain:
                raise DamagedArchive(f"the chain breaks at {entry.file}: a file before it was changed or taken out")
            rows = list(self.rows(entry))
            if (len(rows), len({row.stream_id for row in rows})) != (entry.events, entry.streams):
                raise DamagedArchive(f"{entry.file} does not hold what the manifest says")
        return entries

    def rows(self, entry: Entry) -> Iterator[Row]:
        """The facts of one file, which must be the one that was written."""
        path = self.folder / entry.file
        if not path.exists():
            raise DamagedArchive(f"{path} is missing")
        if _checksum(path) != entry.sha256:
            raise DamagedArchive(f"{path} has another checksum than when it was written")
        yield from _rows(path)

    def of_stream(self, stream_id: UUID) -> list[Row]:
        """The facts of one stream, from whichever files have them."""
        found: dict[int, Row] = {}
        for entry in self.entries():
            found.update((row.version, row) for row in self.rows(entry) if row.stream_id == stream_id)
        return list(found.values())

    def _write_manifest(self, entries: Sequence[Entry]) -> None:
        told = {"format": FORMAT, "service": self.service, "files": [asdict(entry) for entry in entries]}
        draft = self.folder / f"{MANIFEST}.draft"
        _keep(draft, json.dumps(told, indent=1).encode())
        draft.replace(self.folder / MANIFEST)


def _write(path: Path, rows: Sequence[Row]) -> None:
    text = "".join(f"{row.line()}\n" for row in rows).encode()
    _keep(path, gzip.compress(text, LEVEL, mtime=0))


def _keep(path: Path, content: bytes) -> None:
    """On the disk before anybody relies on it."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rows(path: Path) -> Iterator[Row]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                yield Row.of(json.loads(line))
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise DamagedArchive(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _checksum(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _linked(chain: str, digest: str) -> str:
    return sha256(f"{chain}{digest}".encode()).hexdigest()


def _text(content: bytes) -> str | list[str]:
    """JSON is text; whatever is not is kept as base64 in a list."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return [base64.b64encode(content).decode()]


def _bytes(text: str | list[str]) -> bytes:
    return text.encode() if isinstance(text, str) else base64.b64decode(text[0])

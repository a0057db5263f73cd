"""Archive files: what is read is what was written, and whatever was changed, lost or taken out shows."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.archives import Archive, DamagedArchive, Row
from chassis.ids import new_id

STREAM = UUID(int=7)


def rows(count: int, stream_id: UUID = STREAM, first: int = 1) -> list[Row]:
    return [Row(first + n, stream_id, n + 1, "NodeStarted", b'{"n":%d}' % n, new_id(), None) for n in range(count)]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two files with three runs."""
    archive = Archive(tmp_path / "archive", "execution")
    archive.add([*rows(3), *rows(2, UUID(int=8), 10)], "2031-01-01T00:00:00+00:00")
    archive.add(rows(4, UUID(int=9), 20), "2031-02-01T00:00:00+00:00")
    return archive


@given(st.binary(), st.none() | st.binary(), st.none() | st.uuids())
def test_a_row_reads_as_it_was_written(state: bytes, metadata: bytes | None, event_id: UUID | None):
    row = Row(1, STREAM, 2, "NodeStarted", state, event_id, metadata)

    assert Row.of(json.loads(row.line())) == row
    assert "\n" not in row.line()


def test_the_manifest_says_what_each_file_holds(archive: Archive):
    first, second = archive.verify()

    assert (first.file, first.streams, first.events, first.first_position, first.last_position) == (
        "execution-000001.ndjson.gz", 2, 5, 1, 11,
    )  # fmt: skip
    assert (second.file, second.streams, second.events) == ("execution-000002.ndjson.gz", 1, 4)
    assert list(archive.rows(second)) == archive.of_stream(UUID(int=9))
    assert [path.name for path in archive.folder.iterdir() if path.stat().st_mode & 0o077] == []


def test_a_run_that_was_archived_twice_is_told_once(archive: Archive):
    archive.add(list(archive.rows(archive.entries()[0])), "2031-03-01T00:00:00+00:00")

    assert [row.version for row in archive.of_stream(STREAM)] == [1, 2, 3]


def test_an_archive_of_nothing_is_whole(tmp_path: Path):
    assert Archive(tmp_path, "execution").verify() == []


def change(folder: Path, name: str, edit: Callable[[bytes], bytes]) -> None:
    (folder / name).write_bytes(edit((folder / name).read_bytes()))


def forget(folder: Path, place: int) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"][place]
    (folder / "manifest.json").write_text(json.dumps(manifest))


FIRST = "execution-000001.ndjson.gz"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / FIRST).unlink(), "is missing"),
        (lambda folder: change(folder, FIRST, lambda was: was[:-9]), "has another checksum"),
        (
            lambda folder: change(folder, FIRST, lambda was: gzip.compress(gzip.decompress(was)[:-5])),
            "another checksum",
        ),
        (lambda folder: forget(folder, 0), "the chain breaks at execution-000002"),
        (
            lambda folder: change(folder, "manifest.json", lambda was: was.replace(b'"events": 5', b'"events": 4')),
            "says",
        ),
        (lambda folder: change(folder, "manifest.json", lambda _: b"{"), "cannot be read"),
        (
            lambda folder: change(folder, "manifest.json", lambda was: was.replace(b'execution"', b'x"', 1)),
            "archive of x",
        ),
    ],
    ids=["missing", "cut", "written anew", "taken out", "another count", "no manifest", "another service"],
)
def test_what_was_spoilt_shows(archive: Archive, spoil: Callable[[Path], None], words: str):
    spoil(archive.folder)

    with pytest.raises(DamagedArchive, match=words):
        archive.verify()

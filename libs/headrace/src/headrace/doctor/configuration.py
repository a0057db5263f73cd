"""Settings that cannot work, or that endanger what they are meant to protect (pure)."""

import base64
import binascii
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from pydantic import SecretStr

SECRET_BYTES_MIN = 32
"""HS256 wants a key as long as its hash (RFC 7518, 3.2)."""
SEALING_KEY_BYTES = 32
WELL_KNOWN = ("change", "secret", "example", "password", "default", "headrace", "test")
"""Words that secrets begin with which somebody meant to replace."""
PRIVATE_FILES = ("secrets.json", "state.json")


@dataclass(frozen=True)
class Configuration:
    """What can be known of a deployment's settings from here."""

    embedded: bool
    production: bool = False
    trouble: str | None = None
    """Why the settings cannot be loaded at all."""
    jwt_secret: str | None = None
    jwks: bool = False
    """Whether tokens are checked with public keys, so that no secret is needed."""
    sealing_key: str | None = None
    open_files: tuple[str, ...] = ()
    """Files with secrets that others than their owner may read."""


def configuration_of(environment: Mapping[str, str], embedded: bool, data_dir: Path | None) -> Configuration:
    """Read from variables as the services would get them."""
    from chassis.settings import BadSettings, Settings

    jwt_secret, sealing_key = environment.get("HEADRACE_JWT_SECRET"), environment.get("HEADRACE_SEALING_KEY")
    trouble = None
    try:
        settings = Settings.load()
        # They may stand in files, which the settings read.
        jwt_secret = jwt_secret or _shown(settings.jwt_secret)
        sealing_key = sealing_key or _shown(settings.sealing_key)
    except BadSettings as error:
        trouble = str(error)
    return Configuration(
        embedded=embedded,
        production=environment.get("HEADRACE_PRODUCTION", "").lower() in {"1", "true", "yes", "on"},
        trouble=trouble,
        jwt_secret=jwt_secret,
        jwks=any(name.startswith("HEADRACE_") and "JWKS" in name for name in environment),
        sealing_key=sealing_key,
        open_files=tuple(_open_files(data_dir)) if data_dir else (),
    )


def _shown(secret: "SecretStr | None") -> str | None:
    return None if secret is None else secret.get_secret_value()


def judge(found: Configuration) -> Iterator[Finding]:
    """What is wrong with the settings, if anything."""
    problems = [
        *([_unusable(found.trouble)] if found.trouble else []),
        *_signing_key(found),
        *_sealing_key(found),
        *([_readable(found.open_files)] if found.open_files else []),
    ]
    yield from problems or [ok("configuration", "The settings can work, and secrets are long enough and private.")]


def _unusable(trouble: str) -> Finding:
    return fail(
        "configuration", f"A setting cannot be used: {trouble}.", "Correct the variable; the sentence names it."
    )


def _signing_key(found: Configuration) -> Iterator[Finding]:
    secret = found.jwt_secret
    if secret is None:
        if not found.embedded and not found.jwks:
            advice = "Set HEADRACE_JWT_SECRET here too, or run this where the gateway's environment is."
            yield warn("signing key", "The key of the tokens is not known here, so it was not judged.", advice)
        return
    draw = "Draw one with `openssl rand -hex 32`; everybody's tokens have to be signed anew."
    if len(secret.encode()) < SECRET_BYTES_MIN:
        size = len(secret.encode())
        said = f"HEADRACE_JWT_SECRET has {size} bytes; with fewer than {SECRET_BYTES_MIN} it can be guessed."
        yield (fail if found.production else warn)("signing key", said, draw)
    elif secret.lower().startswith(WELL_KNOWN):
        said = "HEADRACE_JWT_SECRET looks like one from an example, which everybody knows."
        yield (fail if found.production else warn)("signing key", said, draw)


def _sealing_key(found: Configuration) -> Iterator[Finding]:
    how = "Set HEADRACE_SEALING_KEY to the base64 of 32 random bytes (`openssl rand -base64 32`), the same everywhere."
    if found.sealing_key is None:
        if found.production or not found.embedded:
            yield warn("sealing key", "There is no sealing key: named secrets cannot be stored or used.", how)
        return
    try:
        size = len(base64.urlsafe_b64decode(found.sealing_key.strip().replace("+", "-").replace("/", "_")))
    except (binascii.Error, ValueError):
        size = 0
    if size != SEALING_KEY_BYTES:
        yield fail("sealing key", "HEADRACE_SEALING_KEY is not the base64 of 32 bytes.", how)


def _readable(files: tuple[str, ...]) -> Finding:
    said = f"Others than their owner may read {', '.join(files)}."
    return fail(
        "secret files", said, f"chmod 600 {' '.join(files)}; then draw new secrets if somebody may have looked."
    )


def _open_files(data_dir: Path) -> Iterator[str]:
    for name in PRIVATE_FILES:
        path = data_dir / name
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield str(path)

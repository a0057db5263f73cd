"""The public keys of an identity provider: read from its JWKS document, and again when a token names one we lack."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from jwt import PyJWK, PyJWKClient, PyJWKSet, PyJWTError
from jwt.exceptions import PyJWKClientError

from chassis import clock
from chassis.logs import get_logger
from chassis.settings import BadSettings
from contracts.refusal import Unavailable

ALGORITHMS = frozenset({"RS256", "ES256"})
"""What a public key of ours may sign with; anything else in the document is passed over."""
RSA_BITS_MIN = 2_048
REFETCH_SECONDS = 30.0
"""An unknown key asks for the document again, but no more often than this: tokens are written by strangers."""
KEEP_SECONDS = 600.0
"""After so long the document is read again in any case, so that a key that was taken out of it ends."""
FETCH_SECONDS = 5.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

log = get_logger(__name__)
Keys = Mapping[str, PyJWK]


class SigningKeys:
    """The keys by their `kid`, as the document said when it was last read."""

    def __init__(self, source: str) -> None:
        """`source` is an https URL (http on this machine alone) or a path; raises `BadSettings` for anything else."""
        self._source = source
        self._is_url = "://" in source
        parts = urlsplit(source)
        if self._is_url and not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
            raise BadSettings(f"HEADRACE_JWT_JWKS={source!r} cannot be used: name an https URL, or a file")
        self._keys: Keys = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None
        self.generation = 0
        """How often the document has been read."""

    def get(self, kid: str) -> PyJWK | None:
        """The key of this name, as far as is known."""
        return self._keys.get(kid)

    async def keep_current(self) -> None:
        """Read the document when that was never done, and beside everything else when it was long ago."""
        if self._read_at is None:
            await self.refresh()
        elif clock.monotonic() - self._read_at > KEEP_SECONDS and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self.refresh())

    async def refresh(self) -> None:
        """Read the document, unless that was tried less than 30 s ago; raises `Unavailable` when it was never read.

        Where it cannot be read again, the keys of the last time stay.
        """
        async with self._reading:
            if self._tried_at is None or clock.monotonic() - self._tried_at >= REFETCH_SECONDS:
                self._tried_at = clock.monotonic()
                await self._read()
        if self._read_at is None:
            raise Unavailable(
                "keys_unavailable", "The keys that tokens are verified with cannot be read now.", (), REFETCH_SECONDS
            )

    async def _read(self) -> None:
        try:
            self._keys = usable(await asyncio.to_thread(self._document))
            self._read_at, self.generation = clock.monotonic(), self.generation + 1
        except (PyJWTError, OSError, ValueError) as error:
            log.warning("keys.unreadable", source=self._source, reason=str(error))

    def _document(self) -> list[PyJWK]:
        if not self._is_url:
            document = orjson.loads(Path(self._source).read_bytes())
            if not isinstance(document, dict):
                raise ValueError("it is no JSON object")
            return PyJWKSet.from_dict(document).keys
        client = PyJWKClient(self._source, cache_jwk_set=False, timeout=FETCH_SECONDS)
        try:
            return client.get_jwk_set().keys
        except PyJWKClientError as error:
            raise OSError(str(error)) from error


def usable(found: list[PyJWK]) -> Keys:
    """Those that may verify a signature here, by their `kid`; never one that is itself a secret (`oct`)."""
    return {
        key.key_id: key
        for key in found
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in {"sig", None} and _long_enough(key)
    }


def _long_enough(key: PyJWK) -> bool:
    return key.key_type != "RSA" or key.key.key_size >= RSA_BITS_MIN

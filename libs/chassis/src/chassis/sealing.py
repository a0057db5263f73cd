"""Sealing: what must not be read where it lies is kept as AES-256-GCM under a named key."""

import base64
import binascii
import importlib
import os

KEY_BYTES = 32
NONCE_BYTES = 12
SCHEME = "v1"


class Unreadable(Exception):
    """It was sealed under another key, for another place, or has been changed since."""


class Sealer:
    """Seals and opens text under one key. What is sealed for one place (`context`) opens in no other."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes."""
        # Loaded by whoever seals: most processes never do.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._cipher = AESGCM(key)

    @classmethod
    def from_text(cls, key: str) -> "Sealer":
        """From the base64 of 32 bytes, as it stands in a setting; raises `ValueError` with what is wrong."""
        return cls(key_from_text(key))

    def seal(self, text: str, context: str) -> str:
        """`v1.<base64 of nonce and ciphertext>`; different each time."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), context.encode())
        return f"{SCHEME}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """What was sealed; raises `Unreadable`."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        scheme, _, body = sealed.partition(".")
        try:
            raw = base64.urlsafe_b64decode(body)
            if scheme != SCHEME:
                raise Unreadable(f"sealed in a way that this version does not know ({scheme[:8]!r})")
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise Unreadable("sealed under another key, for another place, or changed since") from error


def load_cipher() -> None:
    """Load what seals, for a process that certainly will: its module may be imported while others still start."""
    importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")


def new_key() -> str:
    """A new key as text."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def key_from_text(text: str) -> bytes:
    """The 32 bytes of a key written in base64; raises `ValueError`."""
    try:
        key = base64.urlsafe_b64decode(text.strip())
    except (binascii.Error, ValueError) as error:
        raise ValueError("a sealing key is the base64 of 32 random bytes") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"a sealing key has {KEY_BYTES} bytes; this one has {len(key)}")
    return key

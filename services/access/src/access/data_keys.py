"""The keys under which personal data is sealed: one for each user, each wrapped with the deployment's sealing key.

They stand in a table of their own, outside the ledger and outside what a rebuild makes anew: what is shredded here is
readable nowhere, though the sealed text stays where it was recorded.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from chassis.ids import derived_id
from chassis.sealing import Sealer, Unreadable, new_key
from chassis.settings import BadSettings
from contracts.refusal import Unavailable

DEPLOYMENT = derived_id("data key", "deployment")
"""Owns the key for what belongs to nobody in particular. It also tells whether the sealing key is still the same."""

FIND = "SELECT owner, key_name, wrapped FROM data_keys WHERE owner = ANY($1::uuid[])"
NAMED = "SELECT owner, key_name, wrapped FROM data_keys WHERE key_name = ANY($1::uuid[])"
DRAW = """
INSERT INTO data_keys (owner, key_name, wrapped, drawn_at)
SELECT *, now() FROM unnest($1::uuid[], $2::uuid[], $3::text[]) ON CONFLICT (owner) DO NOTHING
"""
SHRED = """
INSERT INTO data_keys (owner, shredded_at) SELECT owner, now() FROM unnest($1::uuid[]) AS owner ORDER BY owner
ON CONFLICT (owner) DO UPDATE SET key_name = NULL, wrapped = NULL, shredded_at = now()
WHERE data_keys.wrapped IS NOT NULL
"""
ERASED = """
SELECT user_ref FROM users
WHERE erased AND NOT EXISTS (SELECT FROM data_keys WHERE owner = user_ref AND shredded_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key, ready to seal with, and the name under which it is found again."""

    name: UUID
    sealer: Sealer


class DataKeys:
    """Draws, finds and shreds keys. Nothing is remembered here: a key that was shredded seals and opens no more."""

    def __init__(self, pool: asyncpg.Pool, sealing_key: str | None) -> None:
        """Raises `BadSettings` when the sealing key is none."""
        self._pool = pool
        try:
            self._wrapping = None if sealing_key is None else Sealer.from_text(sealing_key)
        except ValueError as error:
            raise BadSettings(f"HEADRACE_SEALING_KEY cannot be used: {error}") from error

    @property
    def wrapping(self) -> Sealer:
        """The deployment's sealer; `Unavailable` where none is configured."""
        if self._wrapping is None:
            detail = "This deployment has no key to seal with: set HEADRACE_SEALING_KEY and start access again."
            raise Unavailable("sealing_key_missing", detail)
        return self._wrapping

    async def check(self) -> None:
        """Raise `BadSettings` when the database was sealed with another key than the one that is configured."""
        if self._wrapping is None:
            return
        try:
            await self.of([DEPLOYMENT])
        except Unreadable as error:
            sentence = "HEADRACE_SEALING_KEY is not the one that this database was sealed with: set the former one"
            raise BadSettings(sentence) from error

    async def of(self, owners: Collection[UUID]) -> Mapping[UUID, DataKey]:
        """The key of each owner, drawn where there was none; those whose key was shredded have none any more."""
        wrapping = self.wrapping
        found = await self._pool.fetch(FIND, list(owners))
        missing = sorted(set(owners) - {row["owner"] for row in found})
        if missing:
            wrapped = [wrapping.seal(new_key(), _place(owner)) for owner in missing]
            await self._pool.execute(DRAW, missing, [uuid4() for _ in missing], wrapped)
            found = await self._pool.fetch(FIND, list(owners))
        return {key.owner: key.key for key in self._unwrapped(found)}

    async def existing(self, owners: Collection[UUID]) -> Mapping[UUID, DataKey]:
        """The keys of those owners who have one."""
        return {key.owner: key.key for key in self._unwrapped(await self._pool.fetch(FIND, list(owners)))}

    async def named(self, names: Collection[UUID]) -> Mapping[UUID, Sealer]:
        """The keys that are still there, by name."""
        found = self._unwrapped(await self._pool.fetch(NAMED, list(names)))
        return {key.key.name: key.key.sealer for key in found}

    async def shred(self, owner: UUID) -> None:
        """Destroy the owner's key, and see to it that none is ever drawn again."""
        await self._pool.execute(SHRED, [owner])

    async def finish_erasures(self) -> int:
        """Shred what the rows call erased and still has a key, or may be given one; answers how many there were."""
        owed = [row["user_ref"] for row in await self._pool.fetch(ERASED)]
        if owed:
            await self._pool.execute(SHRED, owed)
        return len(owed)

    def _unwrapped(self, rows: Iterable[asyncpg.Record]) -> "list[_Found]":
        return [
            _Found(row["owner"], DataKey(row["key_name"], self._unwrap(row["owner"], row["wrapped"])))
            for row in rows
            if row["wrapped"] is not None
        ]

    def _unwrap(self, owner: UUID, wrapped: str) -> Sealer:
        return Sealer.from_text(self.wrapping.open(wrapped, _place(owner)))


@dataclass(frozen=True, slots=True)
class _Found:
    owner: UUID
    key: DataKey


def _place(owner: UUID) -> str:
    return f"data key:{owner}"

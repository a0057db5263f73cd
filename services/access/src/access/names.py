"""Display names: sealed with the user's own key where they are kept, opened where they are shown."""

from collections.abc import Mapping
from uuid import UUID

from access.data_keys import DataKeys
from access.domain.users import erased, user_ref
from chassis.sealing import Unreadable
from contracts.refusal import Unavailable


async def seal_name(keys: DataKeys, user_id: str, display_name: str | None) -> str | None:
    """The name as it is recorded; `Conflict` when the user's key has been shredded."""
    if display_name is None:
        return None
    ref = user_ref(user_id)
    key = (await keys.of([ref])).get(ref)
    if key is None:
        raise erased(user_id)
    return key.sealer.seal(display_name, _place(ref))


async def open_names(keys: DataKeys, sealed: Mapping[UUID, str | None]) -> Mapping[UUID, str]:
    """The names that can be read, by user: none of those whose key has been shredded."""
    wanted = {ref: text for ref, text in sealed.items() if text is not None}
    if not wanted:
        return {}
    try:
        found = await keys.existing(wanted)
    except Unavailable:
        # Without a sealing key names stay closed, and everything else about a user can still be told.
        return {}
    opened = {}
    for ref in wanted.keys() & found.keys():
        try:
            opened[ref] = found[ref].sealer.open(wanted[ref], _place(ref))
        except Unreadable:
            continue
    return opened


def _place(ref: UUID) -> str:
    return f"display name:{ref}"

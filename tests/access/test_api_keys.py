"""API keys on real NATS and Postgres: shown once, known by a digest, bounded, and ended by those who may."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from chassis import clock
from contracts.access import RoleHeld
from contracts.api_keys import FindApiKey, read_key, written_key
from contracts.message import Caller
from contracts.refusal import Conflict, Forbidden, Invalid, Malformed, Missing
from tests.access.office import ANN, BEN, EVE, ROOT


async def test_a_key_is_shown_once_and_opens_as_its_owner(office):
    await office.grant("ben", "blue", "editor")

    issued = await office.issue(scopes=("read", "execute"))

    assert issued.key.startswith(f"hr_{issued.id.hex}_")
    assert len(issued.key) == len(f"hr_{issued.id.hex}_") + 43
    holder = await office.holder(issued.key)
    assert (holder.user_id, holder.active, holder.scopes, holder.teams) == ("ben", True, ("read", "execute"), None)
    assert holder.roles == (RoleHeld(team_id="blue", role="editor"),)
    [listed] = (await office.keys()).items
    assert listed.model_dump() == issued.model_dump(exclude={"key"})


async def test_nothing_that_is_kept_opens_anything(office, pool):
    issued = await office.issue()
    secret = issued.key.removeprefix(f"hr_{issued.id.hex}_")
    await office.keys()

    events = await pool.fetch("SELECT state FROM events")
    rows = await pool.fetch("SELECT api_keys::text FROM api_keys")
    [(_, digest)] = [read_key(issued.key)]

    assert not any(secret.encode() in row["state"] for row in events)
    assert [digest.encode() in row["state"] for row in events] == [True]
    assert not any(digest in row[0] or secret in row[0] for row in rows)


@pytest.mark.parametrize("wrong", ["", "é", "0" * 64])
async def test_a_wrong_digest_a_revoked_key_and_no_key_look_the_same(office, wrong: str):
    issued = await office.issue()
    told = set()
    for key_id in (issued.id, uuid4()):
        with pytest.raises(Missing) as refused:
            await office.ask(FindApiKey(caller=BEN, key_id=key_id, digest=wrong))
        told.add((refused.value.code, refused.value.detail))

    revoked = await office.revoke_key(issued.id)
    with pytest.raises(Missing) as refused:
        await office.holder(issued.key)

    assert told == {(refused.value.code, refused.value.detail)}
    assert revoked.revoked_at is not None
    assert await office.revoke_key(issued.id) == revoked
    assert (await office.keys()).items == (revoked,)


async def test_an_expired_key_opens_nothing(office, monkeypatch):
    issued = await office.issue(expires_at=clock.now() + timedelta(hours=1))
    assert (await office.holder(issued.key)).expires_at == issued.expires_at
    later = clock.now() + timedelta(hours=1, seconds=1)

    monkeypatch.setattr(clock, "now", lambda: later)

    with pytest.raises(Missing):
        await office.holder(issued.key)


async def test_the_owners_state_is_the_keys(office):
    issued = await office.issue()

    await office.deactivate("ben")
    assert not (await office.holder(issued.key)).active
    await office.activate("ben")
    assert (await office.holder(issued.key)).active
    await office.erase("ben")
    assert not (await office.holder(issued.key)).active


async def test_a_key_bound_to_teams_has_no_role_outside_of_them(office):
    for team in ("blue", "green", "*"):
        await office.grant("ben", team, "admin")

    issued = await office.issue(Caller(user_id="ben", teams=("blue", "green")), teams=("blue", "blue"))

    holder = await office.holder(issued.key)
    assert (issued.teams, holder.teams) == (("blue",), ("blue",))
    assert holder.roles == (RoleHeld(team_id="blue", role="admin"),)


async def test_a_key_issues_no_further_key(office):
    with pytest.raises(Forbidden) as refused:
        await office.issue(Caller(user_id="ben", scopes=("manage",)))
    assert refused.value.code == "key_issues_none"

    with pytest.raises(Forbidden) as refused:
        await office.issue(Caller(user_id="ben", scopes=("read", "edit")))
    assert refused.value.code == "out_of_scope"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"teams": ("red",)}, "/teams"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "/expires_at"),
    ],
)
async def test_what_would_reach_too_far_or_is_over_already_is_refused(office, asked: dict[str, Any], pointer: str):
    with pytest.raises(Invalid) as refused:
        await office.issue(**asked)

    assert [problem.pointer for problem in refused.value.errors] == [pointer]


@pytest.mark.parametrize("moment", ["2030-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "soon"])
async def test_a_time_that_nobody_can_reckon_with_is_malformed(office, moment: str):
    body = f'{{"caller": {{"user_id": "ben"}}, "key_id": "{uuid4()}", "name": "x", "expires_at": "{moment}"}}'

    with pytest.raises(Malformed):
        await office.ask_raw("IssueApiKey", body)


async def test_an_id_is_taken_once(office):
    issued = await office.issue()

    with pytest.raises(Conflict) as refused:
        await office.issue(key_id=issued.id)

    assert refused.value.code == "api_key_exists"


async def test_a_key_is_ended_by_its_owner_or_the_deployments_admin_alone(office):
    issued = await office.issue()
    told = set()
    for key_id, caller in ((issued.id, ANN), (issued.id, EVE), (uuid4(), BEN)):
        with pytest.raises(Missing) as refused:
            await office.revoke_key(key_id, caller)
        told.add(refused.value.detail)

    assert len(told) == 1
    assert (await office.revoke_key(issued.id, ROOT)).revoked_at is not None


async def test_lists_are_ones_own_or_for_the_deployments_admin(office):
    issued = [await office.issue(name=f"k{number}") for number in range(3)]
    await office.issue(ANN)

    first = await office.keys(limit=2)
    rest = await office.keys(limit=2, cursor=first.next_cursor)

    assert [key.id for key in (*first.items, *rest.items)] == [key.id for key in reversed(issued)]
    assert rest.next_cursor is None
    assert len((await office.keys(ROOT, owner_id="ben")).items) == 3
    with pytest.raises(Forbidden):
        await office.keys(ANN, owner_id="ben")


@pytest.mark.parametrize("text", ["", "hr_", "hr_x_y", f"hr_{'0' * 32}_{'a' * 42}", f"hr_{'0' * 32}_{'ä' * 43}"])
def test_what_is_not_written_like_a_key_is_none(text: str):
    assert read_key(text) is None


def test_a_key_is_read_as_it_was_written():
    key_id = uuid4()

    assert (read_key(written_key(key_id, "_-" * 21 + "x")) or ("",))[0] == key_id

"""Named secrets on real NATS and Postgres: sealed where they are kept, shown nowhere, changed by those who may."""

import pytest

from access.domain.secrets import MAX_SECRETS_OF_AN_OWNER
from chassis.sealing import Sealer
from contracts.message import Caller
from contracts.refusal import Conflict, Forbidden, Malformed, Missing
from contracts.secrets import StoreSecret, sealing_context
from tests.access.office import ANN, BEN, EVE, ROOT

VALUE = "correct horse battery staple"


async def sealed_in(pool) -> list[str]:
    """What the ledger holds of secrets, oldest first."""
    rows = await pool.fetch(
        "SELECT convert_from(state, 'UTF8')::json->>'sealed' FROM events WHERE topic = 'SecretStored' "
        "ORDER BY notification_id"
    )
    return [row[0] for row in rows]


async def test_a_value_is_sealed_for_its_place_and_kept_nowhere_else(office, settings, pool, capfd):
    stored = await office.store("TOKEN", VALUE)
    assert (stored.kind, stored.owner, stored.name, stored.version) == ("user", "ben", "TOKEN", 1)

    [sealed] = await sealed_in(pool)
    key = Sealer.from_text(settings.sealing_key.get_secret_value())
    assert key.open(sealed, sealing_context("user", "ben", "TOKEN")) == VALUE
    with pytest.raises(Exception, match="another place"):
        key.open(sealed, sealing_context("user", "eve", "TOKEN"))
    everything = str(await pool.fetch("SELECT encode(state, 'escape') FROM events"))
    everything += str(await pool.fetch("SELECT secrets::text FROM secrets")) + "".join(capfd.readouterr())
    assert VALUE not in everything
    assert VALUE not in f"{stored!r} {StoreSecret(caller=BEN, name='TOKEN', value=VALUE)!r}"


async def test_the_life_of_a_secret(office):
    first = await office.store("TOKEN", VALUE)
    second = await office.store("TOKEN", VALUE)

    assert (second.version, second.created_at) == (2, first.created_at)
    assert (await office.secrets()).items == (second,)
    await office.forget("TOKEN")
    assert (await office.secrets()).items == ()
    with pytest.raises(Missing) as refused:
        await office.forget("TOKEN")
    assert refused.value.code == "secret_not_found"
    again = await office.store("TOKEN", VALUE)
    assert again.version > second.version
    assert again.created_at > first.created_at
    assert (await office.secrets()).items == (again,)


async def test_a_teams_secrets_are_changed_by_its_admins_and_listed_by_its_members(office):
    await office.store("B", VALUE, ANN, "blue")
    await office.store("a", VALUE, ROOT, "blue")
    await office.store("A", VALUE, ANN, "blue")

    for caller in (ANN, BEN, ROOT):
        listed = await office.secrets(caller, "blue")
        assert [(secret.kind, secret.owner, secret.name) for secret in listed.items] == [
            ("team", "blue", name) for name in ("A", "B", "a")
        ]
    for order in (office.store("A", VALUE, BEN, "blue"), office.forget("A", EVE, "blue")):
        with pytest.raises(Forbidden) as refused:
            await order
        assert refused.value.code == "not_an_admin"
    with pytest.raises(Forbidden) as refused:
        await office.secrets(EVE, "blue")
    assert refused.value.code == "not_a_member"


async def test_owners_do_not_meet(office):
    await office.store("TOKEN", VALUE, BEN)
    await office.store("TOKEN", VALUE, ANN)
    await office.store("TOKEN", VALUE, ANN, "blue")

    assert [(await office.secrets(caller)).items[0].owner for caller in (BEN, ANN)] == ["ben", "ann"]
    assert (await office.secrets(EVE)).items == ()


@pytest.mark.parametrize(
    "members",
    [
        f'"name": "TOKEN", "value": "{VALUE * 2_000}"}}',
        f'"name": "not a name", "value": "{VALUE}"}}',
        f'"name": "TOKEN", "value": ["{VALUE}"]}}',
        f'"name": "TOKEN", "value": "{VALUE}" oops',
        f'"name": "TOKEN", "value": "{VALUE}\\ud800"}}',
    ],
)
async def test_a_refusal_does_not_repeat_the_value(office, pool, capfd, members: str):
    with pytest.raises(Malformed) as refused:
        await office.ask_raw("StoreSecret", f'{{"caller": {{"user_id": "ben"}}, {members}')

    assert VALUE not in refused.value.view().model_dump_json() + "".join(capfd.readouterr())
    assert await sealed_in(pool) == []


async def test_an_erased_users_secrets_are_gone_from_the_rows(office):
    await office.store("TOKEN", VALUE)
    await office.store("TOKEN", VALUE, ANN, "blue")

    await office.erase("ben")

    assert (await office.secrets()).items == ()
    assert len((await office.secrets(ANN, "blue")).items) == 1


async def test_there_is_a_most_of_them(office, pool):
    await office.secrets()
    await pool.execute(
        "INSERT INTO secrets SELECT 'user', 'ben', 'S' || n, 1, now(), now() FROM generate_series(1, $1) AS n",
        MAX_SECRETS_OF_AN_OWNER,
    )

    with pytest.raises(Conflict) as refused:
        await office.store("ONE_MORE", VALUE)
    assert refused.value.code == "too_many_secrets"
    assert (await office.store("S1", VALUE)).name == "S1"
    assert (await office.store("ONE_MORE", VALUE, Caller(user_id="zoe"))).owner == "zoe"

"""Users and roles on real NATS and Postgres: who is known, who is let in, who may say so, and what is shown to whom."""

import asyncio

import pytest

from contracts.access import RoleHeld
from contracts.refusal import Conflict, Forbidden, Missing
from tests.access.office import ANN, BEN, EVE, ROOT
from tests.support.eventually import eventually


def held(*roles: str) -> tuple[RoleHeld, ...]:
    """Roles as `team:role`."""
    return tuple(RoleHeld(team_id=role.split(":")[0], role=role.split(":")[1]) for role in roles)


async def test_the_life_of_a_user(office):
    registered = await office.register("ada", "Ada Lovelace")
    assert (registered.display_name, registered.active, registered.erased, registered.roles) == (
        "Ada Lovelace", True, False, (),
    )  # fmt: skip
    assert await office.get("ada") == registered

    assert (await office.grant("ada", "blue", "editor")).roles == held("blue:editor")
    assert (await office.grant("ada", "*", "admin")).roles == held("*:admin", "blue:editor")
    assert (await office.revoke("ada", "*", "admin")).roles == held("blue:editor")
    assert not (await office.deactivate("ada")).active
    assert (await office.principal("ada")).active is False
    assert (await office.activate("ada")).active
    assert (await office.register("ada", "Countess")).display_name == "Countess"
    assert (await office.get("ada")).created_at == registered.created_at


async def test_saying_the_same_again_records_nothing(office):
    await office.register("ada", "Ada")
    await office.grant("ada", "blue", "viewer")
    await office.deactivate("ada")
    head = await office.head()

    await office.register("ada", "Ada")
    await office.grant("ada", "blue", "viewer")
    await office.revoke("ada", "blue", "admin")
    await office.deactivate("ada")

    assert await office.head() == head


async def test_a_principal_is_whoever_a_token_names(office):
    stranger = await office.principal("nobody-knows-me")
    assert (stranger.active, stranger.roles, stranger.scopes, stranger.teams) == (True, (), None, None)

    await office.grant("ada", "blue", "operator")
    assert (await office.principal("ada")).roles == held("blue:operator")


async def test_those_whom_nobody_registered_can_be_shut_out_and_given_roles(office):
    assert not (await office.deactivate("unknown")).active
    assert (await office.grant("new", "blue", "viewer", ANN)).roles == held("blue:viewer")
    for change in (office.activate, office.get):
        with pytest.raises(Missing) as refused:
            await change("never heard of")
        assert refused.value.code == "user_not_found"


async def test_only_admins_manage_and_each_in_their_own_realm(office):
    await office.register("ada")

    for who, order in (
        (ANN, office.register("x", None, ANN)),
        (ANN, office.deactivate("ada", ANN)),
        (ANN, office.activate("ada", ANN)),
        (ANN, office.erase("ada", ANN)),
        (ANN, office.grant("ada", "*", "admin", ANN)),
        (ANN, office.grant("ada", "red", "viewer", ANN)),
        (BEN, office.grant("ben", "blue", "admin", BEN)),
        (EVE, office.revoke("ada", "blue", "viewer", EVE)),
        (BEN, office.list(BEN)),
        (ANN, office.list(ANN)),
        (ANN, office.list(ANN, team_id="red")),
        (BEN, office.get("ada", BEN)),
    ):
        with pytest.raises(Forbidden) as refused:
            await order
        assert (refused.value.code, who.user_id) == ("not_an_admin", who.user_id)


async def test_nobody_shuts_themselves_out(office):
    for order in (office.deactivate(ROOT.user_id), office.erase(ROOT.user_id)):
        with pytest.raises(Conflict) as refused:
            await order
        assert refused.value.code == "yourself"


async def test_a_refusal_does_not_tell_who_is_there(office):
    await office.register("ada")
    sentences = set()

    for user_id in ("ada", "nobody"):
        for order in (office.grant(user_id, "red", "viewer", BEN), office.get(user_id, BEN)):
            with pytest.raises(Forbidden) as refused:
                await order
            sentences.add(refused.value.detail)

    assert len(sentences) == 2


async def test_a_teams_admin_sees_the_roles_in_the_team_alone(office):
    await office.grant("ada", "red", "admin")
    await office.grant("ada", "*", "viewer")

    assert (await office.grant("ada", "blue", "editor", ANN)).roles == held("blue:editor")
    assert [user.roles for user in (await office.list(ANN, team_id="blue")).items] == [held("blue:editor")]
    assert (await office.get("ada")).roles == held("*:viewer", "blue:editor", "red:admin")


async def test_lists_are_pages_newest_first(office):
    for number in range(5):
        await office.register(f"u{number}", f"Name {number}")
        await office.grant(f"u{number}", "even" if number % 2 == 0 else "odd", "viewer")

    first = await office.list(limit=2)
    second = await office.list(limit=2, cursor=first.next_cursor)
    third = await office.list(limit=2, cursor=second.next_cursor)

    pages = [[user.user_id for user in page.items] for page in (first, second, third)]
    assert pages == [["u4", "u3"], ["u2", "u1"], ["u0"]]
    assert third.next_cursor is None
    assert [user.user_id for user in (await office.list(team_id="even")).items] == ["u4", "u2", "u0"]
    assert first.items[0].display_name == "Name 4"


async def test_roles_given_at_the_same_time_are_all_held(office):
    teams = ("a", "b", "c")

    await asyncio.gather(*(office.grant("ada", team, "viewer") for team in teams))

    assert (await office.get("ada")).roles == held(*(f"{team}:viewer" for team in teams))


async def test_every_decision_is_said_on_the_bus_and_no_name_in_it(office):
    await office.register("ada", "Ada Lovelace")
    await office.grant("ada", "blue", "viewer")
    heard = []
    subscription = await office.bus.js.subscribe(office.bus.subject("access", ">"), ordered_consumer=True)

    async def said() -> bool:
        heard.append(await subscription.next_msg(timeout=1))
        return len(heard) == 2

    await eventually(said)
    assert [message.subject.split(".")[2] for message in heard] == ["UserRegistered", "RoleGranted"]
    assert not any(b"Lovelace" in message.data for message in heard)
    assert ROOT.user_id.encode() in heard[0].data


async def test_an_erased_user_is_nobody_for_ever(office):
    await office.register("ada", "Ada Lovelace")
    await office.grant("ada", "blue", "viewer")

    erased = await office.erase("ada")

    assert (erased.active, erased.erased, erased.display_name, erased.roles) == (False, True, None, ())
    assert await office.get("ada") == erased == await office.erase("ada")
    principal = await office.principal("ada")
    assert (principal.active, principal.roles) == (False, ())
    for order in (
        office.register("ada", "Ada again"),
        office.register("ada"),
        office.activate("ada"),
        office.grant("ada", "blue", "viewer"),
    ):
        with pytest.raises(Conflict) as refused:
            await order
        assert refused.value.code == "user_erased"

"""What each role allows, to whom, and in which team: the table as it reads."""

import pytest

from contracts.message import Caller, Capability
from contracts.roles import (
    ALLOWED,
    ROLES,
    administers,
    may,
    missing_role,
    role_forbids,
    roles_in,
    teams_where,
    was_given,
)

CAPABILITIES: tuple[Capability, ...] = ("read", "execute", "steer", "edit", "manage")


def caller(*roles: str, teams: tuple[str, ...] = ("blue",)) -> Caller:
    return Caller(user_id="ann", teams=teams, roles=roles)


WHO = {
    "viewer": caller("blue:viewer"),
    "operator": caller("blue:operator"),
    "editor": caller("blue:editor"),
    "admin": caller("blue:admin"),
    "operator and editor": caller("blue:operator", "blue:editor"),
    "editor in each team": caller("editor"),
    "member without a role": caller(),
    "member with a role that is none": caller("blue:auditor", "auditor"),
    "admin of another team": caller("red:admin", teams=("red",)),
    "member with a role in another team": caller("red:admin", teams=("blue", "red")),
    "admin who is no member": caller("blue:admin", teams=()),
    "admin of the deployment": caller("*:admin", teams=()),
    "one whose team is called everywhere": caller("*:admin", teams=("*",)),
}
TABLE = """
                                      read   execute   steer   edit   manage
  viewer                              yes    -         -       -      -
  operator                            yes    yes       yes     -      -
  editor                              yes    yes       -       yes    -
  admin                               yes    yes       yes     yes    yes
  operator and editor                 yes    yes       yes     yes    -
  editor in each team                 yes    yes       -       yes    -
  member without a role               yes    yes       yes     -      -
  member with a role that is none     yes    yes       yes     -      -
  admin of another team               -      -         -       -      -
  member with a role in another team  yes    yes       yes     -      -
  admin who is no member              -      -         -       -      -
  admin of the deployment             -      -         -       -      -
  one whose team is called everywhere -      -         -       -      -
"""
ROWS = {line[2:38].strip(): line[38:].split() for line in TABLE.strip("\n").splitlines()[1:]}


@pytest.mark.parametrize("who", WHO)
def test_a_role_allows_what_stands_in_the_table(who: str):
    allowed = ["yes" if may(WHO[who], capability, "blue") else "-" for capability in CAPABILITIES]

    assert allowed == ROWS[who]


def test_every_role_stands_in_the_table_and_may_at_least_look():
    assert set(ROLES) <= set(ROWS)
    assert all("read" in ALLOWED[role] for role in ROLES)


@pytest.mark.parametrize("who", WHO)
def test_nobody_may_do_anything_to_what_belongs_to_no_team(who: str):
    assert [capability for capability in CAPABILITIES if may(WHO[who], capability, None)] == []


def test_what_takes_a_role_is_not_for_a_member_without_one():
    given = {who: was_given(found, "steer", "blue") for who, found in WHO.items()}

    assert {who for who, is_given in given.items() if is_given} == {"operator", "admin", "operator and editor"}


def test_the_teams_in_which_one_may_do_something_are_named_once():
    ann = caller("red:viewer", "blue:editor", teams=("red", "blue", "green", "blue"))

    assert teams_where(ann, "read") == ("blue", "green", "red")
    assert teams_where(ann, "steer") == ("green",)
    assert teams_where(ann, "edit") == ("blue",)


def test_a_name_that_holds_a_role_gives_none():
    ann = caller("blue:viewer:admin", "x:blue:admin", teams=("blue", "blue:viewer"))

    assert roles_in(ann, "blue") == ()
    assert roles_in(ann, "blue:viewer") == ("admin",)


@pytest.mark.parametrize(
    ("who", "of_the_team", "of_the_deployment"),
    [
        ("admin", True, False),
        ("editor", False, False),
        ("member without a role", False, False),
        ("admin of another team", False, False),
        ("admin who is no member", False, False),
        ("admin of the deployment", True, True),
    ],
)
def test_access_is_managed_by_admins(who: str, *, of_the_team: bool, of_the_deployment: bool):
    assert administers(WHO[who], "blue") == of_the_team
    assert administers(WHO[who]) == of_the_deployment


def test_a_refusal_says_which_role_is_missing_and_who_gives_it():
    refusal = role_forbids(WHO["viewer"], "edit", "blue", "Changing this")

    assert (refusal.status, refusal.code) == (403, "role_forbids")
    assert refusal.detail == (
        "Changing this takes the role editor or admin in team 'blue'; yours is viewer: ask an admin of the team."
    )
    assert "yours is none" in missing_role(WHO["member without a role"], "manage", "blue", "Sharing this")
    assert "yours is operator and editor" in missing_role(WHO["operator and editor"], "manage", "blue", "Sharing this")

"""Who may run, see, steer and cancel, by role and by whose it is: the table as it reads."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts.instance_events import InstanceRequested
from contracts.message import Caller
from contracts.refusal import Forbidden, Refusal
from contracts.workflow import BlueprintConfig
from execution import door
from execution.domain import permissions
from tests.support.builders import ALICE, a_reference, an_execution, an_id
from tests.support.story import NOON


def one(*roles: str, teams: tuple[str, ...] = ("mill",), user_id: str = "zoe") -> Caller:
    return Caller(user_id=user_id, teams=teams, roles=roles)


WHO = {
    "alice": ALICE,
    "viewer": one("mill:viewer"),
    "operator": one("mill:operator"),
    "editor": one("mill:editor"),
    "admin": one("mill:admin"),
    "member": one(),
    "stranger": one(teams=()),
    "other team's admin": one("red:admin", teams=("red",)),
    "deployment's admin": one("*:admin", teams=()),
    "alice as a viewer": one("mill:viewer", user_id="alice"),
}
SHARING: dict[str, dict[str, Any]] = {
    "private": {"team_id": "mill"},
    "team": {"visibility": "team", "team_id": "mill"},
    "public": {"visibility": "public"},
    "public, team": {"visibility": "public", "team_id": "mill"},
}
BLUEPRINT_VERBS: dict[str, Callable[..., Any]] = {
    "execute": permissions.check_executed,
    "signal": permissions.check_signalled,
    "clear": permissions.check_cleared,
}
RUN_VERBS: dict[str, Callable[..., Any]] = {
    "see": permissions.check_seen,
    "steer": permissions.check_steered,
    "cancel": permissions.check_cancelled,
}
TABLE = """
                         alice  viewer  operator  editor  admin  member  stranger  other  deployment  alice, viewer
  private       execute  ok     404     404       404     404    404     404       404    404         ok
  private       signal   ok     404     404       404     404    404     404       404    404         ok
  private       clear    ok     404     404       404     404    404     404       404    404         ok
  team          execute  ok     403     ok        ok      ok     ok      404       404    404         ok
  team          signal   ok     403     ok        403     ok     ok      404       404    404         ok
  team          clear    ok     403     ok        403     ok     ok      404       404    404         ok
  public        execute  ok     ok      ok        ok      ok     ok      ok        ok     ok          ok
  public        signal   ok     ok      ok        ok      ok     ok      ok        ok     ok          ok
  public        clear    ok     403     403       403     403    403     403       403    403         ok
  public, team  execute  ok     ok      ok        ok      ok     ok      ok        ok     ok          ok
  public, team  signal   ok     ok      ok        403     ok     ok      ok        ok     ok          ok
  public, team  clear    ok     403     ok        403     ok     ok      403       403    403         ok
  own run       see      ok     404     404       404     404    404     404       404    404         ok
  own run       steer    ok     404     404       404     404    404     404       404    404         ok
  own run       cancel   ok     404     404       404     404    404     404       404    404         ok
  team's run    see      ok     ok      ok        ok      ok     ok      404       404    404         ok
  team's run    steer    ok     403     ok        403     ok     ok      404       404    404         ok
  team's run    cancel   ok     403     ok        403     ok     403     404       404    404         ok
"""
CASES = [
    (line[2:16].strip(), line[16:25].strip(), dict(zip(WHO, line[25:].split(), strict=True)))
    for line in TABLE.strip("\n").splitlines()[1:]
]


def a_request(team_id: str | None) -> InstanceRequested:
    blueprint = a_reference(**SHARING["team"]) if team_id else a_reference()
    return door.requested(an_execution(blueprint), BlueprintConfig(), NOON, None)


def answer(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except Refusal as refusal:
        return str(refusal.status)
    return "ok"


@pytest.mark.parametrize(("what", "verb", "expected"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_one_may_do_what_stands_in_the_table(what: str, verb: str, expected: dict[str, str]) -> None:
    found = {}
    for who, caller in WHO.items():
        if verb in BLUEPRINT_VERBS:
            reference = a_reference(**SHARING[what])
            found[who] = answer(lambda r=reference, c=caller: BLUEPRINT_VERBS[verb](r, c))  # type: ignore[misc]
        else:
            run = a_request("mill" if what == "team's run" else None)
            found[who] = answer(lambda r=run, c=caller: RUN_VERBS[verb](r, r.originator_id, c))  # type: ignore[misc]
    assert found == expected


@pytest.mark.parametrize("verb", RUN_VERBS)
def test_what_is_not_there_is_refused_in_the_words_for_what_is_not_seen(verb: str) -> None:
    run, unknown = a_request("mill"), an_id(7)
    said = []
    for request, id in ((run, run.originator_id), (None, unknown)):
        with pytest.raises(Refusal) as refused:
            RUN_VERBS[verb](request, id, WHO["stranger"])
        said.append(refused.value.view().model_dump() | {"detail": refused.value.detail.replace(str(id), "…")})
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("sharing", "who", "team"),
    [
        ("team", "alice", "mill"),
        ("team", "member", "mill"),
        ("team", "editor", "mill"),
        ("team", "alice as a viewer", None),
        ("public, team", "operator", "mill"),
        ("public, team", "viewer", None),
        ("public, team", "stranger", None),
        ("public", "member", None),
        ("private", "alice", None),
    ],
)
def test_a_run_is_the_teams_when_the_caller_may_run_for_the_team(sharing: str, who: str, team: str | None) -> None:
    assert permissions.acting_team(a_reference(**SHARING[sharing]), WHO[who]) == team


def test_a_refusal_names_the_role_that_is_missing() -> None:
    with pytest.raises(Forbidden, match="operator or editor or admin in team 'mill'; yours is viewer") as refused:
        permissions.check_executed(a_reference(**SHARING["team"]), WHO["viewer"])
    assert refused.value.code == "role_forbids"
    run = a_request("mill")
    with pytest.raises(Forbidden, match="operator or admin in team 'mill'; yours is none"):
        permissions.check_cancelled(run, run.originator_id, WHO["member"])

"""Who may do what to a blueprint, by role and visibility, and what is said to those who may not."""

from collections.abc import Callable
from typing import Any

import pytest

from blueprint.domain import Blueprint
from blueprint.permissions import sharing_problems
from chassis.ids import new_id
from contracts.message import Caller
from contracts.refusal import Forbidden, Invalid, Missing, Refusal
from tests.blueprint.shelf import A_GRAPH, ANN, a_body


def one(*roles: str, teams: tuple[str, ...] = ("blue",), user_id: str = "zoe") -> Caller:
    return Caller(user_id=user_id, teams=teams, roles=roles)


WHO = {
    "owner": ANN,
    "viewer": one("blue:viewer"),
    "operator": one("blue:operator"),
    "editor": one("blue:editor"),
    "admin": one("blue:admin"),
    "member": one(),
    "stranger": one(teams=("red",)),
    "other team's admin": one("red:admin", teams=("red",)),
    "deployment's admin": one("*:admin", teams=()),
    "owner who left": one(user_id="ann", teams=()),
    "owner who only views": one("blue:viewer", user_id="ann"),
}
SHARING: dict[str, dict[str, Any]] = {
    "private": {"team_id": "blue"},
    "team": {"visibility": "team", "team_id": "blue"},
    "public": {"visibility": "public"},
    "public, team": {"visibility": "public", "team_id": "blue"},
}


def update(blueprint: Blueprint, caller: Caller, sharing: dict[str, Any]) -> None:
    blueprint.revise(a_body(name="new", **sharing), caller)


def share(blueprint: Blueprint, caller: Caller, sharing: dict[str, Any]) -> None:
    blueprint.revise(a_body(), caller)


def archive(blueprint: Blueprint, caller: Caller, sharing: dict[str, Any]) -> None:
    blueprint.archive(caller)


def clone(blueprint: Blueprint, caller: Caller, sharing: dict[str, Any]) -> None:
    blueprint.clone(new_id(), caller)


DOES: dict[str, Callable[[Blueprint, Caller, dict[str, Any]], None]] = {
    "update": update,
    "make private": share,
    "archive": archive,
    "clone": clone,
}
TABLE = """
                        owner  viewer  operator  editor  admin  member  stranger  other  deployment  left  views
  private       update        ok     404     404       404     404    404     404       404    404         ok    ok
  private       archive       ok     404     404       404     404    404     404       404    404         ok    ok
  private       clone         ok     404     404       404     404    404     404       404    404         ok    ok
  team          update        ok     403     403       ok      ok     403     404       404    404         ok    ok
  team          make private  ok     403     403       403     ok     403     404       404    404         ok    ok
  team          archive       ok     403     403       ok      ok     403     404       404    404         ok    ok
  team          clone         ok     ok      ok        ok      ok     ok      404       404    404         ok    ok
  public        update        ok     403     403       403     403    403     403       403    403         ok    ok
  public        make private  ok     403     403       403     403    403     403       403    403         ok    ok
  public        archive       ok     403     403       403     403    403     403       403    403         ok    ok
  public        clone         ok     ok      ok        ok      ok     ok      ok        ok     ok          ok    ok
  public, team  update        ok     403     403       ok      ok     403     403       403    403         ok    ok
  public, team  make private  ok     403     403       403     ok     403     403       403    403         ok    ok
  public, team  archive       ok     403     403       ok      ok     403     403       403    403         ok    ok
  public, team  clone         ok     ok      ok        ok      ok     ok      ok        ok     ok          ok    ok
"""
CASES = [
    (line[2:16].strip(), line[16:30].strip(), dict(zip(WHO, line[30:].split(), strict=True)))
    for line in TABLE.strip("\n").splitlines()[1:]
]


def answer(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except Refusal as refusal:
        return str(refusal.status)
    return "ok"


@pytest.mark.parametrize(("sharing", "verb", "expected"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_one_may_do_what_stands_in_the_table(sharing: str, verb: str, expected: dict[str, str]):
    found = {}
    for who, caller in WHO.items():
        blueprint = Blueprint.create(new_id(), a_body(is_template=True, **SHARING[sharing]), ANN)
        blueprint.collect_events()
        found[who] = answer(lambda b=blueprint, c=caller: DOES[verb](b, c, SHARING[sharing]))  # type: ignore[misc]
        refused = found[who] != "ok"
        assert bool(blueprint.collect_events()) == (not refused and verb != "clone")

    assert found == expected


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("owner", None),
        ("viewer", "role_forbids"),
        ("operator", "role_forbids"),
        ("editor", None),
        ("admin", None),
        ("member", None),
        ("stranger", "not_a_member"),
        ("deployment's admin", "not_a_member"),
        ("owner who only views", "role_forbids"),
    ],
)
def test_a_blueprint_is_brought_into_a_team_by_those_who_may_edit_there_and_by_plain_members(
    who: str, code: str | None
):
    problems = sharing_problems(a_body(visibility="team", team_id="blue"), WHO[who])

    assert [problem.code for problem in problems] == ([code] if code else [])
    if code is not None:
        with pytest.raises(Invalid):
            Blueprint.create(new_id(), a_body(visibility="team", team_id="blue"), WHO[who])


class TestARefusal:
    def test_names_the_role_that_is_missing(self):
        blueprint = Blueprint.create(new_id(), a_body(**SHARING["team"]), ANN)

        with pytest.raises(Forbidden, match="editor or admin in team 'blue'; yours is viewer") as refused:
            blueprint.revise(a_body(**SHARING["team"]), WHO["viewer"])
        assert refused.value.code == "role_forbids"

    def test_tells_an_editor_what_to_send_instead(self):
        blueprint = Blueprint.create(new_id(), a_body(**SHARING["team"]), ANN)

        with pytest.raises(Forbidden, match=r"visibility 'team' and team_id 'blue' as they are.*role admin"):
            blueprint.revise(a_body(), WHO["editor"])

    def test_of_an_invisible_one_says_nothing(self):
        blueprint = Blueprint.create(new_id(), a_body(**SHARING["private"]), ANN)

        with pytest.raises(Missing) as refused:
            blueprint.revise(a_body(), WHO["admin"])
        assert "blue" not in refused.value.detail.replace("blueprint", "")


def test_an_admin_moves_a_blueprint_only_to_where_the_admin_may_bring_one():
    blueprint = Blueprint.create(new_id(), a_body(**SHARING["team"]), ANN)

    with pytest.raises(Invalid):
        blueprint.revise(a_body(visibility="team", team_id="red"), WHO["admin"])

    blueprint.revise(a_body(visibility="team", team_id="red"), one("blue:admin", "red:editor", teams=("blue", "red")))
    assert blueprint.body.team_id == "red"
    assert blueprint.owner_id == "ann"


CALL = {"url": "https://example.org/", "headers": {"Authorization": "Bearer ${ secrets.KEY }"}}
READING = {**A_GRAPH, "nodes": [*A_GRAPH["nodes"], {"id": "call", "type": "http", "config": CALL}]}


class TestSecretsThatABlueprintReads:
    """Shared with a team it reads the team's, else its owner's: whoever writes so must be free to use them."""

    @pytest.mark.parametrize(
        ("given", "who", "then", "is_refused"),
        [
            ("team", "owner", "team", False),
            ("team", "editor", "team", False),
            ("team", "admin", "public, team", False),
            ("private", "owner", "private", False),
            ("private", "owner who left", "private", False),
            ("public", "owner who left", "public", False),
            ("team", "owner who left", "team", True),
            ("team", "owner who only views", "team", True),
            ("public, team", "owner who left", "public, team", True),
            ("team", "admin", "public", True),
            ("team", "admin", "private", True),
        ],
    )
    def test_must_be_the_writers_to_use(self, given: str, who: str, then: str, *, is_refused: bool):
        blueprint = Blueprint.create(new_id(), a_body(**SHARING[given]), ANN)
        body = a_body(**READING, **SHARING[then])

        if not is_refused:
            blueprint.revise(body, WHO[who])
            return
        with pytest.raises(Invalid) as refused:
            blueprint.revise(body, WHO[who])
        assert [problem.code for problem in refused.value.errors] == ["not_your_secrets"]
        blueprint.revise(a_body(**SHARING[then]), WHO[who])

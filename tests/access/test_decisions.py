"""What the domain decides, without a database: given facts, when somebody orders, then facts or a refusal."""

from datetime import timedelta

import pytest

from access.domain.api_keys import ApiKey
from access.domain.quotas import Quota
from access.domain.rights import check_admin_of
from access.domain.secrets import MAX_SECRETS_OF_AN_OWNER, Secret, SecretPlace, check_room, place_to_change
from access.domain.users import User, user_ref
from chassis import clock
from chassis.ids import new_id
from contracts.access import MAX_ROLES_OF_A_USER, RoleHeld
from contracts.api_keys import IssueApiKey, PrincipalView, secret_digest
from contracts.message import Caller
from contracts.quotas import QuotaLimits, SetQuota
from contracts.refusal import Conflict, Forbidden, Missing
from tests.access.office import ANN, BEN, EVE, ROOT


def facts(aggregate) -> list[str]:
    """What was decided, by name."""
    return [type(event).__name__ for event in aggregate.collect_events()]


def a_user(**roles: str) -> User:
    """A registered user with one role in each team."""
    user = User.register("ada", None, ROOT)
    for team, role in roles.items():
        user.grant(team, role, ROOT)
    user.collect_events()
    return user


class TestAUser:
    def test_is_one_stream_whoever_asks(self):
        assert a_user().id == user_ref("ada") != user_ref("Ada")

    def test_is_what_its_facts_say(self):
        user = User.register("ada", "v1.x", ROOT)
        user.grant("blue", "editor", ANN)
        user.deactivate(ROOT)
        user.activate(ROOT)
        user.revoke("blue", "editor", ANN)
        user.rename("v1.y", ROOT)
        events = user.collect_events()

        assert User.replay(events) == user
        assert [event.by for event in events] == ["root", "ann", "root", "root", "ann", "root"]

    def test_has_a_most_of_roles(self):
        user = User.register("ada", None, ROOT)
        for number in range(MAX_ROLES_OF_A_USER):
            user.grant(f"t{number}", "viewer", ROOT)

        with pytest.raises(Conflict) as refused:
            user.grant("one more", "viewer", ROOT)
        assert refused.value.code == "too_many_roles"
        user.grant("t0", "viewer", ROOT)

    def test_that_is_erased_loses_all_and_stays_so(self):
        user = a_user(blue="admin")
        user.erase(ROOT)
        user.erase(ROOT)
        user.revoke("blue", "admin", ROOT)
        user.deactivate(ROOT)

        assert facts(user) == ["UserErased"]
        assert user.principal() == PrincipalView(user_id="ada", active=False, roles=())
        for order in (lambda: user.activate(ROOT), lambda: user.grant("red", "viewer", ROOT)):
            with pytest.raises(Conflict, match="erased"):
                order()

    @pytest.mark.parametrize(
        ("caller", "roles"),
        [
            (ROOT, ["blue", "red"]),
            (Caller(user_id="ada"), ["blue", "red"]),
            (ANN, ["blue"]),
            (EVE, ["red"]),
            (BEN, []),
        ],
    )
    def test_shows_of_its_roles_what_the_caller_manages_or_holds(self, caller: Caller, roles: list[str]):
        user = a_user(blue="editor", red="viewer")

        assert [held.team_id for held in user.view(None, caller).roles] == roles


@pytest.mark.parametrize(
    ("caller", "team_id", "allowed"),
    [
        (ROOT, "*", True),
        (ROOT, "blue", True),
        (ANN, "blue", True),
        (ANN, "red", False),
        (ANN, "*", False),
        (BEN, "blue", False),
        (Caller(user_id="x", teams=("blue",), roles=("admin",)), "blue", True),
        (Caller(user_id="x", teams=("blue",), roles=("admin",)), "*", False),
        (Caller(user_id="x", teams=("blue",), roles=("red:admin",)), "blue", False),
        (Caller(user_id="x", teams=("*",), roles=("admin",)), "*", False),
        (Caller(user_id="x", teams=(), roles=("blue:admin",)), "blue", False),
        (Caller(user_id="x", teams=("blue",), roles=("blue:editor",)), "blue", False),
    ],
)
def test_who_administers_what(caller: Caller, team_id: str, *, allowed: bool):
    if allowed:
        check_admin_of(caller, team_id)
        return
    with pytest.raises(Forbidden):
        check_admin_of(caller, team_id)


class TestAnApiKey:
    @staticmethod
    def issued(**asked) -> ApiKey:
        command = IssueApiKey(caller=BEN, key_id=new_id(), name="nightly", **asked)
        return ApiKey.issue(command, secret_digest("secret"), clock.now())

    def test_opens_for_its_digest_until_it_expires(self):
        now = clock.now()
        key = self.issued(expires_at=now + timedelta(minutes=1))

        key.check_opens(secret_digest("secret"), now + timedelta(seconds=59))
        for digest, moment in ((secret_digest("other"), now), (secret_digest("secret"), now + timedelta(minutes=1))):
            with pytest.raises(Missing):
                key.check_opens(digest, moment)

    def test_is_revoked_once(self):
        key = self.issued()
        key.revoke(BEN)
        key.revoke(ROOT)

        assert facts(key) == ["ApiKeyIssued", "ApiKeyRevoked"]

    def test_keeps_its_owners_roles_within_its_bounds(self):
        held = (RoleHeld(team_id="*", role="admin"), RoleHeld(team_id="blue", role="editor"))
        owner = PrincipalView(user_id="ben", active=True, roles=held)

        assert self.issued().principal(owner).roles == held
        assert self.issued(teams=("blue",)).principal(owner).roles == held[1:]
        assert self.issued(teams=()).principal(owner).roles == ()
        assert not self.issued().principal(owner.model_copy(update={"active": False})).active


class TestASecret:
    PLACE = SecretPlace("team", "blue", "TOKEN")

    def test_has_one_place_for_each_owner_and_name(self):
        places = {
            place_to_change(ANN, None, "A"),
            place_to_change(ANN, "blue", "A"),
            place_to_change(ANN, "blue", "B"),
            place_to_change(BEN, None, "A"),
        }

        assert len({place.ref for place in places}) == len({place.context for place in places}) == 4

    def test_is_stored_again_and_again_and_deleted_once(self):
        secret = Secret.begin(self.PLACE, "v1.a", ANN)
        secret.store("v1.b", ANN)
        secret.delete(ANN)
        with pytest.raises(Missing):
            secret.delete(ANN)
        secret.store("v1.c", ANN)

        events = secret.collect_events()
        assert [type(event).__name__ for event in events] == [
            "SecretStored", "SecretStored", "SecretDeleted", "SecretStored",
        ]  # fmt: skip
        again = Secret.replay(events)
        assert again == secret
        assert secret.view().version == 4

    def test_there_is_room_for_many(self):
        check_room(MAX_SECRETS_OF_AN_OWNER - 1)
        with pytest.raises(Conflict):
            check_room(MAX_SECRETS_OF_AN_OWNER)


def test_a_quota_is_set_when_it_differs():
    quota = Quota.begin(SetQuota(caller=ROOT, kind="team", owner="blue", limits=QuotaLimits(tokens_per_day=1)))
    quota.set(QuotaLimits(tokens_per_day=1), ROOT)
    quota.set(QuotaLimits(), ROOT)

    assert facts(quota) == ["QuotaSet", "QuotaSet"]
    with pytest.raises(Forbidden):
        quota.set(QuotaLimits(tokens_per_day=9), ANN)

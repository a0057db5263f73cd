"""Who may see a blueprint, change it, and say with whom it is shared; by `contracts.roles` (pure)."""

from dataclasses import dataclass
from uuid import UUID

from contracts.blueprint import BlueprintBody, may_see
from contracts.message import Caller
from contracts.refusal import Forbidden, Missing, Problem
from contracts.roles import may, missing_role, role_forbids, roles_in
from contracts.secret_rules import secrets_in
from contracts.workflow import Visibility


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose a blueprint is, and with whom it is shared."""

    id: UUID
    owner_id: str
    team_id: str | None
    visibility: Visibility

    def check_seen_by(self, caller: Caller) -> None:
        """Refuse (404) a caller who may not know that it exists."""
        if not may_see(caller, self.owner_id, self.team_id, self.visibility):
            raise not_found(self.id)

    def check_changed_by(self, caller: Caller) -> None:
        """Its owner may, and who has `edit` in its team; 404 to whom it is invisible, 403 to the others."""
        self.check_seen_by(caller)
        if caller.user_id == self.owner_id or may(caller, "edit", self.team_id):
            return
        if self.team_id is None:
            raise Forbidden("not_the_owner", f"Only its owner may change blueprint {self.id}: ask the owner.")
        raise role_forbids(caller, "edit", self.team_id, f"Changing blueprint {self.id}, when it is not your own,")

    def check_shared_by(self, caller: Caller) -> None:
        """With whom it is shared its owner says, and who has `manage` in its team."""
        if caller.user_id == self.owner_id or may(caller, "manage", self.team_id):
            return
        raise role_forbids(caller, "manage", self.team_id or "", self.sharing_is_not_yours)

    @property
    def sharing_is_not_yours(self) -> str:
        """The beginning of the sentence that refuses it, and what to send instead."""
        kept = f"visibility {self.visibility!r} and team_id {self.team_id!r}"
        return f"A blueprint that is not your own is sent with {kept} as they are; to change them"


def sharing_problems(body: BlueprintBody, caller: Caller) -> tuple[Problem, ...]:
    """What keeps the caller from sharing a blueprint as the body says.

    It takes a team, one of the caller's own, and in it the role to edit; a member without any role may as well.
    """
    if body.team_id is None:
        sentence = "`team_id` is required to share with a team."
        return (Problem(pointer="/team_id", code="missing", message=sentence),) if body.visibility == "team" else ()
    if body.team_id not in caller.teams:
        sentence = f"You are not a member of team {body.team_id!r}: name one of your own teams."
        return (Problem(pointer="/team_id", code="not_a_member", message=sentence),)
    if not may_write_for(caller, body.team_id):
        sentence = missing_role(caller, "edit", body.team_id, "Bringing a blueprint into a team")
        return (Problem(pointer="/team_id", code="role_forbids", message=sentence),)
    return ()


def may_write_for(caller: Caller, team_id: str) -> bool:
    """Whether the caller may bring blueprints into a team: by the role to edit, or as a member without any role."""
    return team_id in caller.teams and (not roles_in(caller, team_id) or may(caller, "edit", team_id))


def secret_problems(body: BlueprintBody, caller: Caller, owner_id: str) -> tuple[Problem, ...]:
    """What keeps the caller from having a blueprint read secrets: they must be the caller's to use.

    Shared with a team it reads the team's, else its owner's. Otherwise whoever left a team would keep its secrets at
    hand, and an admin who takes a blueprint out of the team would have its owner's.
    """
    is_teams = body.team_id is not None and body.visibility != "private"
    may_use = may_write_for(caller, body.team_id or "") if is_teams else caller.user_id == owner_id
    if may_use or not any(secrets_in(node.config) for node in body.nodes):
        return ()
    whose = f"team {body.team_id!r}, for which you may not write" if is_teams else "its owner, which you are not"
    sentence = f"It would read the secrets of {whose}: leave the secrets out, or share it otherwise."
    return (Problem(pointer="/team_id", code="not_your_secrets", message=sentence),)


def not_found(id: UUID) -> Missing:
    """The same words for a blueprint that is not there and for one that the caller may not see."""
    return Missing("blueprint_not_found", f"There is no blueprint {id}.")

"""An API key: issued, found by its digest, revoked, and when each of that is refused."""

from datetime import datetime
from hmac import compare_digest
from typing import Any, Self

from chassis.aggregate import Aggregate
from contracts import api_keys as contracts
from contracts.api_keys import ApiKeyView, IssueApiKey, PrincipalView
from contracts.message import Caller, Capability
from contracts.refusal import Forbidden, Invalid, Missing, Problem
from contracts.roles import administers


class ApiKey(Aggregate):
    """Acts as its owner, within its scopes and teams, until it expires or is revoked."""

    class ApiKeyIssued(contracts.ApiKeyIssued, Aggregate.Created):
        """Begins the stream."""

        def apply(self, aggregate: Any) -> None:
            """All that there is to know of it."""
            aggregate.name = self.name
            aggregate.owner_id = self.owner_id
            aggregate.digest = self.digest
            aggregate.scopes = self.scopes
            aggregate.teams = self.teams
            aggregate.expires_at = self.expires_at

    class ApiKeyRevoked(contracts.ApiKeyRevoked, Aggregate.Event):
        """Ends its use."""

        def apply(self, aggregate: Any) -> None:
            """Opens nothing any more."""
            aggregate.revoked_on = self.timestamp

    def __init__(self) -> None:
        self.name = ""
        self.owner_id = ""
        self.digest = ""
        self.scopes: tuple[Capability, ...] = ()
        self.teams: tuple[str, ...] | None = None
        self.expires_at: datetime | None = None
        self.revoked_on: datetime | None = None

    @classmethod
    def issue(cls, command: IssueApiKey, digest: str, now: datetime) -> Self:
        """The caller's own key. Refused to a key, and when it would reach further than the caller or has expired."""
        caller = command.caller
        if caller.scopes is not None:
            raise Forbidden("key_issues_none", "An API key issues no further one: sign in with a token to issue it.")
        if problems := (*_team_problems(command), *_expiry_problems(command, now)):
            raise Invalid("invalid_api_key", f"The key cannot be issued so: {problems[0].message}", problems)
        return cls._create(
            cls.ApiKeyIssued,
            id=command.key_id,
            name=command.name,
            owner_id=caller.user_id,
            digest=digest,
            scopes=tuple(dict.fromkeys(command.scopes)),
            teams=None if command.teams is None else tuple(dict.fromkeys(command.teams)),
            expires_at=command.expires_at,
        )

    def revoke(self, caller: Caller) -> None:
        """End it: by its owner or the deployment's admin, whom others cannot tell from a key that is not there."""
        if caller.user_id != self.owner_id and not administers(caller):
            raise not_found()
        if self.revoked_on is None:
            self.trigger_event(self.ApiKeyRevoked, owner_id=self.owner_id, by=caller.user_id)

    def check_opens(self, digest: str, now: datetime) -> None:
        """Refuse (404) a wrong digest, and a key that is revoked or has expired; nobody can tell which it was."""
        fits = compare_digest(self.digest.encode(), digest.encode())
        expired = self.expires_at is not None and self.expires_at <= now
        if not fits or expired or self.revoked_on is not None:
            raise not_found()

    def principal(self, owner: PrincipalView) -> PrincipalView:
        """Its owner, within the bounds of the key: one that is bound to teams has no role outside of them."""
        roles = tuple(held for held in owner.roles if self.teams is None or held.team_id in self.teams)
        bounds = {"scopes": self.scopes, "teams": self.teams, "expires_at": self.expires_at}
        return owner.model_copy(update={"roles": roles, **bounds})

    def view(self) -> ApiKeyView:
        """The key without what opens it."""
        return ApiKeyView(
            id=self.id,
            name=self.name,
            owner_id=self.owner_id,
            scopes=self.scopes,
            teams=self.teams,
            created_at=self.created_on,
            expires_at=self.expires_at,
            revoked_at=self.revoked_on,
        )


def not_found() -> Missing:
    """The same words for a key that is not there, that is somebody else's, and that opens nothing."""
    return Missing("api_key_not_found", "There is no such API key, or it opens nothing any more.")


def _team_problems(command: IssueApiKey) -> tuple[Problem, ...]:
    strange = [team for team in command.teams or () if team not in command.caller.teams]
    return tuple(
        Problem(pointer="/teams", code="not_a_member", message=f"you are not a member of team {team!r}.")
        for team in strange
    )


def _expiry_problems(command: IssueApiKey, now: datetime) -> tuple[Problem, ...]:
    if command.expires_at is None or command.expires_at > now:
        return ()
    return (Problem(pointer="/expires_at", code="in_the_past", message="`expires_at` must lie in the future."),)

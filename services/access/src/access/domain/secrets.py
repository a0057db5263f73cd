"""A named secret: stored, stored again, deleted, and when each of that is refused; its value is never here."""

from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from access.domain.rights import check_admin_of
from chassis.aggregate import Aggregate
from chassis.ids import derived_id
from contracts import secrets as contracts
from contracts.access import SubjectKind
from contracts.message import Caller
from contracts.refusal import Conflict, Forbidden, Missing
from contracts.roles import administers
from contracts.secrets import SecretView, sealing_context

MAX_SECRETS_OF_AN_OWNER = 500


class SecretPlace(NamedTuple):
    """Where a secret belongs: there is one for each."""

    kind: SubjectKind
    owner: str
    name: str

    @property
    def ref(self) -> UUID:
        """Its stream."""
        return derived_id("secret", self.kind, self.owner, self.name)

    @property
    def context(self) -> str:
        """What its value is sealed for."""
        return sealing_context(self.kind, self.owner, self.name)


class Secret(Aggregate):
    """A sealed value under a name, of a user or of a team."""

    class SecretStored(contracts.SecretStored, Aggregate.Repeated):
        """Begins the stream, or sets another value."""

        def apply(self, aggregate: Any) -> None:
            """One more version; after a deletion, as if for the first time."""
            aggregate.place = SecretPlace(self.kind, self.owner, self.name)
            if not aggregate.stored:
                aggregate.stored_on = self.timestamp
            aggregate.stored = True
            aggregate.stored_version = self.originator_version
            aggregate.changed_on = self.timestamp

    class SecretDeleted(contracts.SecretDeleted, Aggregate.Event):
        """Takes the value away."""

        def apply(self, aggregate: Any) -> None:
            """Not there any more."""
            aggregate.stored = False
            aggregate.changed_on = self.timestamp

    def __init__(self) -> None:
        self.place = SecretPlace("user", "", "")
        self.stored = False
        self.stored_version = 0
        self.stored_on: datetime = self.created_on
        self.changed_on: datetime = self.created_on

    @classmethod
    def begin(cls, place: SecretPlace, sealed: str, caller: Caller) -> Self:
        """The first value under this name."""
        return cls._create(cls.SecretStored, id=place.ref, **place._asdict(), sealed=sealed, by=caller.user_id)

    def store(self, sealed: str, caller: Caller) -> None:
        """Another value; also the same one, for what is sealed cannot be compared."""
        self.trigger_event(self.SecretStored, **self.place._asdict(), sealed=sealed, by=caller.user_id)

    def delete(self, caller: Caller) -> None:
        """Forget it; refused (404) when it is not there."""
        if not self.stored:
            raise not_found(self.place.name)
        self.trigger_event(self.SecretDeleted, **self.place._asdict(), by=caller.user_id)

    def view(self) -> SecretView:
        """All but the value."""
        return SecretView(
            **self.place._asdict(), version=self.stored_version, created_at=self.stored_on, updated_at=self.changed_on
        )


def place_to_change(caller: Caller, team_id: str | None, name: str) -> SecretPlace:
    """A secret of the caller's own, or of a team that the caller administers; refused (403) otherwise."""
    if team_id is None:
        return SecretPlace("user", caller.user_id, name)
    check_admin_of(caller, team_id)
    return SecretPlace("team", team_id, name)


def check_may_list(caller: Caller, team_id: str | None) -> None:
    """Refuse (403) strangers to a team the names of its secrets."""
    if team_id is not None and team_id not in caller.teams and not administers(caller, team_id):
        raise Forbidden("not_a_member", f"You are not a member of team {team_id!r}: name one of your own teams.")


def check_room(held: int) -> None:
    """Refuse (409) a further name where there are very many."""
    if held >= MAX_SECRETS_OF_AN_OWNER:
        detail = f"There are {MAX_SECRETS_OF_AN_OWNER} secrets already, which is the most: delete one first."
        raise Conflict("too_many_secrets", detail)


def not_found(name: str) -> Missing:
    """The refusal where there is no secret of that name."""
    return Missing("secret_not_found", f"There is no secret {name!r} here.")

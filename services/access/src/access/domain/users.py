"""A user: registered, renamed, let in or not, given roles, erased, and when each of that is refused."""

from typing import Any, Self
from uuid import UUID

from access.domain.rights import check_admin_of, check_deployment_admin
from chassis.aggregate import Aggregate
from chassis.ids import derived_id
from contracts import access as contracts
from contracts.access import MAX_ROLES_OF_A_USER, RoleHeld, UserView
from contracts.api_keys import PrincipalView
from contracts.message import Caller
from contracts.refusal import Conflict, Missing
from contracts.roles import Role, administers


def user_ref(user_id: str) -> UUID:
    """The stream of a user: follows from the id that tokens name."""
    return derived_id("user", user_id)


class User(Aggregate):
    """Somebody whom tokens name: whether access lets them in, and the roles it gives them."""

    class UserRegistered(contracts.UserRegistered, Aggregate.Created):
        """Begins the stream."""

        def apply(self, aggregate: Any) -> None:
            """Known, let in, without roles."""
            aggregate.user_id = self.user_id
            aggregate.sealed_display_name = self.sealed_display_name

    class UserRenamed(contracts.UserRenamed, Aggregate.Event):
        """Changes the name."""

        def apply(self, aggregate: Any) -> None:
            """The same user, otherwise called."""
            aggregate.sealed_display_name = self.sealed_display_name

    class UserDeactivated(contracts.UserDeactivated, Aggregate.Event):
        """Shuts the door."""

        def apply(self, aggregate: Any) -> None:
            """Keeps the roles, for another day."""
            aggregate.active = False

    class UserActivated(contracts.UserActivated, Aggregate.Event):
        """Opens the door."""

        def apply(self, aggregate: Any) -> None:
            """As before it was shut."""
            aggregate.active = True

    class UserErased(contracts.UserErased, Aggregate.Event):
        """Ends it all."""

        def apply(self, aggregate: Any) -> None:
            """No name, no roles, not let in, for ever."""
            aggregate.active = False
            aggregate.erased = True
            aggregate.sealed_display_name = None
            aggregate.roles = frozenset()

    class RoleGranted(contracts.RoleGranted, Aggregate.Event):
        """Adds a role."""

        def apply(self, aggregate: Any) -> None:
            """One more."""
            aggregate.roles |= {(self.team_id, self.role)}

    class RoleRevoked(contracts.RoleRevoked, Aggregate.Event):
        """Takes a role away."""

        def apply(self, aggregate: Any) -> None:
            """One less."""
            aggregate.roles -= {(self.team_id, self.role)}

    def __init__(self) -> None:
        self.user_id = ""
        self.sealed_display_name: str | None = None
        self.active = True
        self.erased = False
        self.roles: frozenset[tuple[str, Role]] = frozenset()

    @classmethod
    def register(cls, user_id: str, sealed_display_name: str | None, caller: Caller) -> Self:
        """Known from now on. Also done for those whom somebody shuts out, erases or gives a role before."""
        return cls._create(
            cls.UserRegistered,
            id=user_ref(user_id),
            user_id=user_id,
            sealed_display_name=sealed_display_name,
            by=caller.user_id,
        )

    def rename(self, sealed_display_name: str | None, caller: Caller) -> None:
        """Another name, sealed with the user's own key."""
        check_deployment_admin(caller)
        self._check_not_erased()
        self._trigger(self.UserRenamed, caller, sealed_display_name=sealed_display_name)

    def deactivate(self, caller: Caller) -> None:
        """Let in no more; a second time changes nothing."""
        check_deployment_admin(caller)
        self._check_somebody_else(caller)
        if self.active:
            self._trigger(self.UserDeactivated, caller)

    def activate(self, caller: Caller) -> None:
        """Let in again; a second time changes nothing."""
        check_deployment_admin(caller)
        self._check_not_erased()
        if not self.active:
            self._trigger(self.UserActivated, caller)

    def erase(self, caller: Caller) -> None:
        """Forgotten; a second time changes nothing."""
        check_deployment_admin(caller)
        self._check_somebody_else(caller)
        if not self.erased:
            self._trigger(self.UserErased, caller)

    def grant(self, team_id: str, role: Role, caller: Caller) -> None:
        """Give a role; one that is held already changes nothing."""
        check_admin_of(caller, team_id)
        self._check_not_erased()
        if (team_id, role) in self.roles:
            return
        if len(self.roles) >= MAX_ROLES_OF_A_USER:
            detail = f"User {self.user_id!r} has {MAX_ROLES_OF_A_USER} roles, which is the most: revoke one first."
            raise Conflict("too_many_roles", detail)
        self._trigger(self.RoleGranted, caller, team_id=team_id, role=role)

    def revoke(self, team_id: str, role: Role, caller: Caller) -> None:
        """Take a role away; one that is not held changes nothing."""
        check_admin_of(caller, team_id)
        if (team_id, role) in self.roles:
            self._trigger(self.RoleRevoked, caller, team_id=team_id, role=role)

    def view(self, display_name: str | None, caller: Caller) -> UserView:
        """The user as this caller may see it: of the roles, those that the caller manages or holds."""
        return UserView(
            user_id=self.user_id,
            display_name=display_name,
            active=self.active,
            erased=self.erased,
            roles=roles_seen_by(caller, self.user_id, self._held()),
            created_at=self.created_on,
        )

    def principal(self) -> PrincipalView:
        """What the door must know."""
        return PrincipalView(user_id=self.user_id, active=self.active, roles=self._held())

    def _held(self) -> tuple[RoleHeld, ...]:
        return tuple(RoleHeld(team_id=team_id, role=role) for team_id, role in sorted(self.roles))

    def _check_somebody_else(self, caller: Caller) -> None:
        # Who shuts themselves out by mistake can mend nothing any more.
        if caller.user_id == self.user_id:
            raise Conflict("yourself", "Nobody shuts themselves out: let another admin of the deployment do it.")

    def _check_not_erased(self) -> None:
        if self.erased:
            raise erased(self.user_id)

    def _trigger(self, event_class: Any, caller: Caller, **members: Any) -> None:
        self.trigger_event(event_class, user_id=self.user_id, by=caller.user_id, **members)


def roles_seen_by(caller: Caller, user_id: str, roles: tuple[RoleHeld, ...]) -> tuple[RoleHeld, ...]:
    """All of one's own, all for the deployment's admin; for a team's admin those in the team."""
    if caller.user_id == user_id or administers(caller):
        return roles
    return tuple(held for held in roles if administers(caller, held.team_id))


def erased(user_id: str) -> Conflict:
    """The refusal of whatever an erased user would have to come back for."""
    return Conflict("user_erased", f"User {user_id!r} has been erased for ever: register another id.")


def not_registered(user_id: str) -> Missing:
    """The refusal where nobody knows the user."""
    return Missing("user_not_found", f"Nobody has registered user {user_id!r} here.")


def stranger(user_id: str) -> PrincipalView:
    """Somebody whom nobody registered: let in by the token alone, without a role from here."""
    return PrincipalView(user_id=user_id, active=True, roles=())

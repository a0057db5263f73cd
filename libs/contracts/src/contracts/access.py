"""Commands, events, queries and views of users and their roles, and what all that access says has in common."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from contracts.blueprint import DEFAULT_PAGE, PageLimit
from contracts.message import Capability, Command, Event, Message, Moment, Query, View
from contracts.roles import Role

MAX_ROLES_OF_A_USER = 1_000

UserId = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
TeamId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^:*\x00]+$")]
RoleTeam = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^(\*|[^:*\x00]+)$")]
"""A team, or `*` for the deployment."""
SubjectKind = Literal["user", "team"]
PlainText = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
Instant = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))]
"""A time that somebody asks for: with its offset, and within what every part of the house can reckon with."""


class AccessCommand(Command):
    """A command that the access service answers."""

    SERVICE = "access"
    NEEDS: ClassVar[Capability | None] = "manage"


class AccessQuery(Query):
    """A query that the access service answers."""

    SERVICE = "access"
    NEEDS: ClassVar[Capability | None] = "manage"


class AccessEvent(Event):
    """A fact about who may do what; `originator_id` is the aggregate named in each."""

    SERVICE = "access"


class RoleHeld(Message):
    """One role in one team, or in the deployment (`*`)."""

    team_id: str
    role: Role


class UserView(View):
    """A user as access knows it. A token may name users that nobody registered: they have no roles from here."""

    user_id: str
    display_name: str | None
    active: bool
    erased: bool
    roles: tuple[RoleHeld, ...]
    created_at: Moment


class UserPage(View):
    """A keyset page, newest first."""

    items: tuple[UserView, ...]
    next_cursor: str | None


class RegisterUser(AccessCommand):
    """Make a user known, or rename it. The deployment's admin only, like all commands on users but on their roles."""

    ANSWER: ClassVar = UserView
    user_id: UserId
    display_name: PlainText | None = None


class DeactivateUser(AccessCommand):
    """Let a user in no more, with whatever token or key; a second time changes nothing."""

    ANSWER: ClassVar = UserView
    user_id: UserId


class ActivateUser(AccessCommand):
    """Let a user in again; an erased one never."""

    ANSWER: ClassVar = UserView
    user_id: UserId


class EraseUser(AccessCommand):
    """Forget a user: its key is shredded, so that what was sealed with it can be read by nobody. Not to be undone."""

    ANSWER: ClassVar = UserView
    user_id: UserId


class GrantRole(AccessCommand):
    """Give a role: the team's admins in their team, the deployment's admin anywhere."""

    ANSWER: ClassVar = UserView
    user_id: UserId
    team_id: RoleTeam
    role: Role


class RevokeRole(AccessCommand):
    """Take a role away; one that is not held changes nothing."""

    ANSWER: ClassVar = UserView
    user_id: UserId
    team_id: RoleTeam
    role: Role


class ListUsers(AccessQuery):
    """All users for the deployment's admin; with `team_id` those with a role in it, for its admins too."""

    ANSWER: ClassVar = UserPage
    team_id: TeamId | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class GetUser(AccessQuery):
    """One user: oneself, or anybody for the deployment's admin."""

    ANSWER: ClassVar = UserView
    NEEDS: ClassVar[Capability | None] = "read"
    user_id: UserId


class UserRegistered(AccessEvent):
    """A user (`user_id`) is known from now on. Its name is sealed with the user's own key."""

    user_id: str
    sealed_display_name: str | None
    by: str


class UserRenamed(AccessEvent):
    """Another display name, sealed likewise."""

    user_id: str
    sealed_display_name: str | None
    by: str


class UserDeactivated(AccessEvent):
    """Not let in any more."""

    user_id: str
    by: str


class UserActivated(AccessEvent):
    """Let in again."""

    user_id: str
    by: str


class UserErased(AccessEvent):
    """The user's key is shredded; whoever keeps content of the user's deletes it."""

    user_id: str
    by: str


class RoleGranted(AccessEvent):
    """A role in a team, or in the deployment (`*`)."""

    user_id: str
    team_id: str
    role: Role
    by: str


class RoleRevoked(AccessEvent):
    """Held no longer."""

    user_id: str
    team_id: str
    role: Role
    by: str

"""Commands, events, queries and views of named secrets."""

from typing import Annotated, ClassVar

from pydantic import Field, PlainSerializer, SecretStr

from contracts.access import AccessCommand, AccessEvent, AccessQuery, SubjectKind, TeamId
from contracts.message import Capability, Moment, View

MAX_SECRET_CHARACTERS = 32_768

SecretName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
"""What stands behind the dot of `${secrets.NAME}`."""
SecretValue = Annotated[SecretStr, PlainSerializer(SecretStr.get_secret_value, return_type=str, when_used="json")]
"""Shown to nobody who prints it; written out only where the command is sent."""


class SecretView(View):
    """A named secret without its value, which leaves the house in no answer."""

    name: str
    kind: SubjectKind
    owner: str
    version: int
    created_at: Moment
    updated_at: Moment


class SecretList(View):
    """In alphabetical order."""

    items: tuple[SecretView, ...]


class StoreSecret(AccessCommand):
    """Set a secret of the caller's own, or of a team that the caller administers. `${secrets.name}` reads it.

    A node reads the secrets of its blueprint's team, or without a team those of the blueprint's owner.
    """

    ANSWER: ClassVar = SecretView
    name: SecretName
    team_id: TeamId | None = None
    value: Annotated[SecretValue, Field(min_length=1, max_length=MAX_SECRET_CHARACTERS)]


class DeleteSecret(AccessCommand):
    """Forget it; one that is not there is `Missing`."""

    ANSWER: ClassVar = SecretView
    name: SecretName
    team_id: TeamId | None = None


class ListSecrets(AccessQuery):
    """The names of the caller's own, or of a team's for its members."""

    ANSWER: ClassVar = SecretList
    NEEDS: ClassVar[Capability | None] = "read"
    team_id: TeamId | None = None


class SecretStored(AccessEvent):
    """A value under a name, sealed with the deployment's key (`chassis.sealing`)."""

    kind: SubjectKind
    owner: str
    name: str
    sealed: str
    by: str


class SecretDeleted(AccessEvent):
    """There is no such name any more."""

    kind: SubjectKind
    owner: str
    name: str
    by: str


def sealing_context(kind: SubjectKind, owner: str, name: str) -> str:
    """What a secret's value is sealed for (`chassis.sealing`): under another name or owner it opens nothing."""
    return f"secret/{kind}/{owner}/{name}"

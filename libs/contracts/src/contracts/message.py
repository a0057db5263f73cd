"""What a message is, who sent it, and the subject each kind travels on."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer

NAMESPACE = "headrace"
"""First token of every subject; a deployment may choose another (`HEADRACE_NAMESPACE`)."""


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, the one way times leave the house."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]
"""A time in a view: serialised as RFC 3339 UTC with milliseconds."""

Usd = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""Money in a view: decimal inside, a JSON number of US dollars outside."""

JsonObject = dict[str, Any]

Capability = Literal["read", "execute", "steer", "edit", "manage"]
"""What may be done to something: look at it, run it, give orders to its runs, change it, manage who may do what."""


class Message(BaseModel):
    """Anything that crosses a wall. Frozen; unknown members are ignored, so that adding a field breaks nobody."""

    model_config = ConfigDict(frozen=True, extra="ignore", serialize_by_alias=True)


class StrictMessage(Message):
    """A message that people write by hand: unknown members are refused, so that a typo is heard."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Caller(Message):
    """Who asks: the subject, teams and roles of a token or an API key, as the gateway verified them.

    A role is written `team:role`, or `role` for each of the teams; `contracts.roles` says what it allows.
    """

    user_id: str
    teams: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    scopes: tuple[Capability, ...] | None = None
    """What an API key may be used for; None, as with a token: for whatever its owner may do."""

    def once_let_in(self) -> "Caller":
        """The same caller, for what else has to be asked to answer a request that the scopes allowed."""
        return self if self.scopes is None else self.model_copy(update={"scopes": None})


class Request(Message):
    """A command or a query: asked over NATS request/reply, answered by one service."""

    SERVICE: ClassVar[str]
    KIND: ClassVar[str]
    ANSWER: ClassVar[Any]
    """The type of the answer's body when the request is not refused."""
    NEEDS: ClassVar[Capability | None]
    """The scope that an API key must have for it; None: asked on the way to something that needs one."""

    JUDGES_VALUES: ClassVar[bool] = False
    """Whether its service itself tells of values that nobody can keep, among all else that is wrong."""

    caller: Caller

    @classmethod
    def subject(cls, namespace: str = NAMESPACE) -> str:
        """`<namespace>.<command|query>.<service>.<Name>`; answered by the queue group `<service>`."""
        return f"{namespace}.{cls.KIND}.{cls.SERVICE}.{cls.__name__}"


class Command(Request):
    """An order to change something; imperative. May be refused."""

    KIND = "command"
    NEEDS: ClassVar[Capability | None] = "edit"


class Query(Request):
    """A question that changes nothing."""

    KIND = "query"
    NEEDS: ClassVar[Capability | None] = "read"


class View(Message):
    """What a query or command answers: a picture of the state at one moment."""


class Event(Message):
    """A fact, in the past tense. On the wire it is exactly what was recorded.

    `originator_id` and `originator_version` are its place in its stream (eventsourcing's names),
    `timestamp` is when it was decided, on the deciding service's clock.
    """

    SERVICE: ClassVar[str]
    class_version: ClassVar[int] = 1
    """Shape of the payload; raised together with an upcaster in `contracts.versions`."""

    originator_id: UUID
    originator_version: int
    timestamp: datetime

    @classmethod
    def topic(cls) -> str:
        """The name under which it is stored, published and traced: the class name."""
        return cls.__name__

    def subject(self, namespace: str = NAMESPACE) -> str:
        """`<namespace>.<service>.<EventName>.<aggregate id>` on the service's own stream."""
        return f"{namespace}.{self.SERVICE}.{type(self).topic()}.{self.originator_id}"

    def state(self) -> bytes:
        """The payload as recorded: every member except the place in the stream; its version when that is not 1."""
        # What `model_dump_json` calls, without the way over text: every fact of every step passes here.
        payload = self.__pydantic_serializer__.to_json(self, exclude=_BESIDE_THE_PAYLOAD)
        if self.class_version == 1:
            return payload
        return b'{"class_version":%d,' % self.class_version + payload[1:]

    @classmethod
    def recorded(cls, originator_id: UUID, originator_version: int, payload: JsonObject) -> Self:
        """Build the event from its place in the stream and its (already upcast) payload."""
        return cls.model_validate({**payload, "originator_id": originator_id, "originator_version": originator_version})


PLACE = frozenset({"originator_id", "originator_version"})
_BESIDE_THE_PAYLOAD = set(PLACE)

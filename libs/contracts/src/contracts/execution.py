"""Commands, queries and views of instances: what is asked of the execution service, and what it answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.blueprint import DEFAULT_PAGE, BlueprintReference, PageLimit
from contracts.message import (
    NAMESPACE,
    Capability,
    Command,
    JsonObject,
    Message,
    Moment,
    Query,
    StrictMessage,
    Usd,
    View,
)
from contracts.workflow import ErrorType, RunConfig

Status = Literal["pending", "running", "waiting", "paused", "completed", "failed", "cancelled", "terminated"]
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled", "terminated"})
Level = Literal["info", "warn", "error"]
Mode = Literal["sync", "async"]

MAX_IDEMPOTENCY_KEY_LENGTH = 255
IDEMPOTENCY_KEY_HOURS = 24


class RunError(Message):
    """Why a node or an instance failed."""

    type: ErrorType
    code: str
    message: str
    node_id: str | None = None


class RunFigures(Message):
    """What a run took, as recorded: money is exact."""

    execution_time_ms: float = 0.0
    queue_time_ms: float = 0.0
    nodes_executed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_used: int = 0
    cost: Decimal = Decimal(0)
    tool_calls: int = 0
    errors: int = 0
    retries: int = 0
    cache_hits: int = 0
    node_execution_times: dict[str, float] = Field(default_factory=dict)
    """Milliseconds by node id, all visits and attempts of the node added up."""


class InstanceMetrics(RunFigures):
    """What a run took, as shown: money is a JSON number of US dollars."""

    cost: Usd = Decimal(0)


class ExecuteBody(StrictMessage):
    """The body of execute and stream."""

    input: Any = None
    config: RunConfig | None = None
    conversation_id: str | None = Field(default=None, max_length=255)
    metadata: JsonObject = Field(default_factory=dict)


class InstanceView(View):
    """One run of a blueprint version."""

    id: UUID
    blueprint_id: UUID
    blueprint_version: int
    status: Status
    input: Any
    output: Any
    error: RunError | None
    user_id: str
    conversation_id: str | None
    metadata: JsonObject
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    metrics: InstanceMetrics


class InstancePage(View):
    """A keyset page, newest first."""

    items: tuple[InstanceView, ...]
    next_cursor: str | None


class ExecutionView(View):
    """What a caller of execute learns: all of it when the run has ended, the status when not yet."""

    instance_id: UUID
    status: Status
    output: Any = None
    metrics: InstanceMetrics | None = None
    error: RunError | None = None


class CancelView(View):
    """`changed` is false when the instance had been cancelled before."""

    instance_id: UUID
    status: Status
    changed: bool = True


class LogEntry(View):
    """One fact of a run, told for people."""

    seq: int
    time: Moment
    level: Level
    event: str
    node_id: str | None = None
    visit: int | None = None
    attempt: int | None = None
    message: str
    data: JsonObject


class LogPage(View):
    """Oldest first."""

    items: tuple[LogEntry, ...]
    next_cursor: str | None


class StreamLine(View):
    """One line of a stream: `seq` is the version within the instance, null for what is not recorded."""

    seq: int | None
    event: str
    instance_id: UUID
    time: Moment
    data: JsonObject


class StreamLines(View):
    """The recorded lines after a sequence number, oldest first."""

    items: tuple[StreamLine, ...]
    ended: bool
    """True when the last line ended the instance: nothing follows."""


class Token(Message):
    """A piece of a model's answer on its way; never recorded."""

    node_id: str
    visit: int
    text: str

    @staticmethod
    def subject(instance_id: UUID | str, namespace: str = NAMESPACE) -> str:
        """`<namespace>.tokens.spoken.<instance>`, core NATS only."""
        return f"{namespace}.tokens.spoken.{instance_id}"


class ExecutionCommand(Command):
    """A command that the execution service answers."""

    SERVICE = "execution"
    NEEDS: ClassVar[Capability | None] = "steer"


class ExecutionQuery(Query):
    """A query that the execution service answers."""

    SERVICE = "execution"


class ExecuteBlueprint(ExecutionCommand):
    """Run a blueprint. `instance_id` is the caller's: asking again with the same id is the same run.

    Answered when the run is accepted (`wait_seconds` 0) or ended, at the latest after `wait_seconds`.
    """

    ANSWER: ClassVar = ExecutionView
    NEEDS: ClassVar[Capability | None] = "execute"
    instance_id: UUID
    blueprint: BlueprintReference
    body: ExecuteBody
    wait_seconds: float = 0.0
    idempotency_key: Annotated[str, Field(min_length=1, max_length=MAX_IDEMPOTENCY_KEY_LENGTH)] | None = None


class CancelInstance(ExecutionCommand):
    """End a run before its time. 409 when it has ended otherwise."""

    ANSWER: ClassVar = CancelView
    instance_id: UUID


class GetInstance(ExecutionQuery):
    """One instance of the caller's own or of the caller's teams."""

    ANSWER: ClassVar = InstanceView
    instance_id: UUID


class ListInstances(ExecutionQuery):
    """The caller's own and the caller's teams' instances, newest first; `since` and `until` bound `created_at`."""

    ANSWER: ClassVar = InstancePage
    status: Status | None = None
    blueprint_id: UUID | None = None
    conversation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class GetInstanceLogs(ExecutionQuery):
    """The log of a run, oldest first; `after` is the last seq already seen."""

    ANSWER: ClassVar = LogPage
    instance_id: UUID
    after: int = Field(default=0, ge=0)
    level: Level | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class FollowInstance(ExecutionQuery):
    """The recorded stream lines of a run after a sequence number (for a stream that lost its place)."""

    ANSWER: ClassVar = StreamLines
    instance_id: UUID
    after: int = Field(default=0, ge=0)

"""The node types that steer a run: waits, loops, maps, regions, children, and what ends or withdraws others."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, TypeAdapter, ValidationError, model_validator
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from contracts.message import JsonObject, StrictMessage
from contracts.node_configs import Integer, Name, NodeConfig, Number, Templated
from contracts.workflow import MAX_DELAY_SECONDS, MAX_ITERATIONS, MAX_PARALLEL, NODE_ID_PATTERN, WorkflowGraph

MAX_KEY_LENGTH = 512
MAX_RACE_WAITS = 32
MAX_APPROVERS = 1_000

_TIME = TypeAdapter(datetime)


def _a_time(value: str) -> str:
    try:
        moment = _TIME.validate_python(value)
    except ValidationError as error:
        raise PydanticCustomError("bad_time", "Must be a time such as 2026-01-31T12:00:00Z, or a template.") from error
    if moment.tzinfo is None:
        raise PydanticCustomError("bad_time", "The time needs a zone: end it with Z or +01:00.")
    return value


Time = Annotated[str, AfterValidator(_a_time)]
DelaySeconds = Annotated[Number, Field(ge=0, le=MAX_DELAY_SECONDS)]
Key = Annotated[str, Field(min_length=1, max_length=MAX_KEY_LENGTH)]
NodeId = Annotated[str, Field(pattern=NODE_ID_PATTERN)]


class DelayConfig(NodeConfig):
    """Waits; the wait outlives every process."""

    seconds: Templated[DelaySeconds]


class UntilConfig(NodeConfig):
    """Waits for a time that the data names (RFC 3339 with a zone); a time that has passed is no wait."""

    time: Templated[Time]


class SignalConfig(NodeConfig):
    """Waits for a named signal, sent to the instance or, with a `key`, to whoever waits for that key."""

    name: Name
    key: Key | None = None


class Approvers(StrictMessage):
    """Who may decide; nobody named means the owner of the instance and the instance's team."""

    users: Templated[Annotated[list[str], Field(max_length=MAX_APPROVERS)]] = Field(default_factory=list)
    teams: Templated[Annotated[list[str], Field(max_length=MAX_APPROVERS)]] = Field(default_factory=list)


class ApprovalTerms(StrictMessage):
    """What is asked, of whom, and until when."""

    title: str | None = None
    description: str | None = None
    approvers: Approvers = Approvers()
    form: JsonObject | None = None
    """JSON Schema of what the decider fills in."""
    deadline_seconds: Templated[Annotated[Number, Field(gt=0, le=MAX_DELAY_SECONDS)]] | None = None
    on_deadline: Literal["fail", "approve", "reject"] = "fail"
    on_reject: Literal["fail", "continue"] = "fail"
    """`fail` is an error of type `rejected`; `continue` lets the edges ask for `approved`."""


class ApprovalConfig(ApprovalTerms, NodeConfig):
    """Waits until a person approves or rejects; output `{approved, by, comment, form}`."""


class RaceWait(StrictMessage):
    """One of the waits of a race: exactly one of a signal (perhaps with a key), a delay, a time, an approval."""

    signal: Name | None = None
    key: Key | None = None
    seconds: Templated[DelaySeconds] | None = None
    until: Templated[Time] | None = None
    approval: ApprovalTerms | None = None

    @model_validator(mode="after")
    def _is_one_wait(self) -> Self:
        if sum(part is not None for part in (self.signal, self.seconds, self.until, self.approval)) != 1:
            raise PydanticCustomError("one_wait", "Give exactly one of `signal`, `seconds`, `until` and `approval`.")
        if self.key is not None and self.signal is None:
            raise PydanticCustomError("key_without_signal", "`key` goes with `signal`.")
        return self


class RaceConfig(NodeConfig):
    """Waits for the first of several things; output `{winner, output}`, so that the edges choose by the winner."""

    waits: Annotated[dict[Name, RaceWait], Field(min_length=1, max_length=MAX_RACE_WAITS)]


class LoopConfig(NodeConfig):
    """Runs its body again and again, one pass after the other, `index` (and `item`) in scope.

    `items` gives one pass for each; `while` is judged before a pass, `until` after it. Output
    `{iterations, last}`, and `results` in order when there are items.
    """

    body: WorkflowGraph
    items: Templated[list[Any]] | None = None
    while_: Annotated[str | None, Field(alias="while")] = None
    until: str | None = None
    max_iterations: Annotated[Integer, Field(ge=1, le=MAX_ITERATIONS)] = 1_000

    @model_validator(mode="after")
    def _goes_by_something(self) -> Self:
        if self.items is None and self.while_ is None and self.until is None:
            raise PydanticCustomError("loop_by", "Give `items`, `while` or `until`.")
        return self


class ChildCall(StrictMessage):
    """Another blueprint, run as an instance of its own."""

    blueprint_id: Name
    version: Annotated[Integer, Field(ge=1)] | Literal["latest"] = "latest"
    input: Any = None


class MapConfig(NodeConfig):
    """Runs its body, or a blueprint, for every item at once; output `{count, succeeded, results, errors}` in order."""

    items: Templated[list[Any]]
    body: WorkflowGraph | None = None
    blueprint: ChildCall | None = None
    max_concurrency: Annotated[Integer, Field(ge=1, le=MAX_PARALLEL)] | None = None
    min_successful: Annotated[Integer, Field(ge=0)] | None = None
    """Goes on as soon as so many have succeeded; the rest is withdrawn."""
    tolerated_failures: Annotated[Integer, Field(ge=0)] = 0
    tolerated_failure_share: Annotated[Number, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _runs_one_thing(self) -> Self:
        if (self.body is None) == (self.blueprint is None):
            raise PydanticCustomError("body_or_blueprint", "Give either `body` or `blueprint`.")
        return self


class RegionConfig(NodeConfig):
    """A part of the graph that fails, is cancelled, retried or locked as one."""

    body: WorkflowGraph


class BlueprintCallConfig(ChildCall, NodeConfig):
    """Runs another blueprint; output is the child's output, or `{instance_id}` when it is not waited for."""

    wait: Annotated[bool, Strict()] = True


class BreakConfig(NodeConfig):
    """Ends the loop around it after this pass; `output` is then the pass's output."""

    output: Any = None


class CancelConfig(NodeConfig):
    """Withdraws whatever goes on at other nodes of the same graph; their branches die."""

    nodes: Annotated[list[NodeId], Field(min_length=1)]

"""The workflow graph and its configuration, as people write them and as services read them."""

from operator import not_
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from contracts.message import JsonObject, StrictMessage

MAX_NODES = 5_000
MAX_EDGES = 20_000
MAX_VALUE_BYTES = 1024 * 1024
MAX_VISITS_PER_NODE = 1_000
MAX_PARALLEL = 1_000
MAX_TIMEOUT_SECONDS = 30 * 24 * 3600.0
MAX_DELAY_SECONDS = 366 * 24 * 3600.0
MAX_RETRY_ATTEMPTS = 100
MAX_ITERATIONS = 10_000
MAX_BODY_DEPTH = 8
"""Bodies within bodies: loops, maps and regions."""
MAX_CHILD_DEPTH = 10
"""Instances that start instances."""
MAX_COMPENSATIONS = 10_000
MAX_WAIT_SECONDS = 60.0
DEFAULT_WAIT_SECONDS = 30.0

NODE_ID_PATTERN = r"^[A-Za-z0-9_.-]{1,128}$"

ErrorType = Literal["transient", "permanent", "timeout", "cancelled", "rejected"]
ExecutorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""Which there are is for the rules of a graph to say: packages may bring their own."""
BUILT_IN_EXECUTORS = ("sequential", "parallel", "langgraph")
Caught = tuple[ErrorType, ...] | Literal["any"]
Visibility = Literal["private", "team", "public"]


def _one_or_several(value: Any) -> Any:
    if value is True:
        return "any"
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str) and value != "any" else value


Seconds = Annotated[float, Field(gt=0, le=MAX_TIMEOUT_SECONDS)]


class Position(StrictMessage):
    """Where an editor draws the node; means nothing to the engine."""

    x: float
    y: float


class Node(StrictMessage):
    """One step: what it is (`type`) and how (`config`: templates, and policy keys that are not)."""

    id: str
    type: str
    name: str | None = None
    config: JsonObject = Field(default_factory=dict)
    position: Position | None = None


class Edge(StrictMessage):
    """From one node to the next; `condition` is bare CEL."""

    source: str
    target: str
    condition: str | None = None
    id: str | None = None
    on_error: Annotated[Caught | None, BeforeValidator(_one_or_several), Field(exclude_if=not_)] = None
    """Taken only when the source has failed for good with an error of one of these types ("any": of whatever type)."""


class WorkflowGraph(StrictMessage):
    """Nodes and edges in the order they were written, which is the order conditions are tried in."""

    nodes: tuple[Node, ...] = Field(max_length=MAX_NODES)
    edges: tuple[Edge, ...] = Field(default=(), max_length=MAX_EDGES)


class RetryPolicy(StrictMessage):
    """When a failed node is tried again: try n waits `backoff_seconds * backoff_factor^(n-1)`, up to the maximum."""

    max_attempts: int = Field(default=3, ge=1, le=MAX_RETRY_ATTEMPTS)
    backoff_seconds: float = Field(default=1.0, ge=0, le=3600)
    backoff_factor: float = Field(default=2.0, ge=1, le=100)
    max_backoff_seconds: float = Field(default=300.0, ge=0, le=MAX_TIMEOUT_SECONDS)
    jitter: float = Field(default=0.1, ge=0, le=1)
    """Share of the wait that is random, so that failures do not return in step."""
    retry_on: tuple[ErrorType, ...] = ("transient", "timeout")
    never_on: tuple[str, ...] = ()
    """Error types or codes (`http_404`) that are never tried again, whatever `retry_on` says."""


class CachePolicy(StrictMessage):
    """Answer from memory what was asked before with the same input; only successes are kept."""

    ttl_seconds: float = Field(default=3600.0, gt=0, le=MAX_TIMEOUT_SECONDS)
    scope: Literal["owner", "team"] = "owner"
    key: str | None = None
    """Bare CEL: what the answer depends on; None takes the whole input (of a node: its rendered configuration)."""


class RateLimit(StrictMessage):
    """Admit `limit` per `per_seconds`, in all workers together; what is over is refused (429) or queued."""

    limit: int = Field(ge=1, le=1_000_000_000)
    per_seconds: float = Field(default=1.0, gt=0, le=86_400)
    scope: Literal["user", "team", "blueprint"] = "user"
    on_limit: Literal["refuse", "queue"] = "refuse"
    count: Literal["executions", "nodes", "tokens"] = "executions"
    """What is counted: executions at the door, visits of nodes, or the tokens that model nodes used."""
    node_type: str | None = None
    """Counts only nodes of this type; with `executions` it says nothing."""
    model: str | None = None
    """Counts only model nodes that ask this model."""


class Concurrency(StrictMessage):
    """A critical section: at most `limit` at once under one key; the rest queue, first come, fair between owners."""

    key: str
    """Bare CEL over the scope; its value as text is the key."""
    limit: int = Field(default=1, ge=1, le=100_000)


class Join(StrictMessage):
    """How many of the edges into a node must bring a live token before it is visited."""

    kind: Literal["all", "any", "n_of_m", "each"] = "all"
    """`all` live ones, `any` (the first), `n_of_m`, or `each` (a visit for every token)."""
    n: int | None = Field(default=None, ge=1, le=MAX_EDGES)
    cancel_rest: bool = False
    """Withdraw what still runs on the other branches once the node is reached."""


class MiddlewareChoice(StrictMessage):
    """Which middleware of the deployment a blueprint leaves out, and in which order it wants the rest."""

    leave_out: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    """Names that come first, in this order; the others follow in the deployment's order."""


class RunConfig(StrictMessage):
    """What a blueprint may configure and one execution may override, within the deployment's limits."""

    executor: ExecutorName | None = None
    timeout_seconds: Seconds | None = None
    wait_seconds: float | None = Field(default=None, ge=0, le=MAX_WAIT_SECONDS)
    provider: str | None = None
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    cache: CachePolicy | Literal[False] | None = None
    retry: RetryPolicy | None = None
    """For every node that has no policy of its own."""
    instance_retry: RetryPolicy | None = None
    """For the instance: when it fails it goes on again from the failed node, after the backoff."""


class BlueprintConfig(RunConfig):
    """The blueprint's own settings: those of a run, and those that no caller may override."""

    max_parallel: int | None = Field(default=None, ge=1, le=MAX_PARALLEL)
    max_visits: int | None = Field(default=None, ge=1, le=MAX_VISITS_PER_NODE)
    input_schema: JsonObject | None = None
    """JSON Schema (2020-12) that every input must satisfy."""
    rate_limit: RateLimit | None = None
    rate_limits: tuple[RateLimit, ...] = Field(default=(), max_length=16)
    """Further limits, such as tokens per minute of one model."""
    concurrency: Concurrency | None = None
    """A critical section around the whole instance."""
    middleware: MiddlewareChoice | None = None


def policy_of(node: Node, key: str) -> Any:
    """A node's policy (one of `POLICY_KEYS`), or None."""
    return node.config.get(key)


POLICY_KEYS = frozenset(
    {
        "retry",
        "timeout_seconds",
        "heartbeat_seconds",
        "join",
        "split",
        "cache",
        "rate_limit",
        "concurrency",
        "compensate",
        "fallback",
        "state_schema",
        "output_schema",
        "body",
        "while",
        "until",
    }
)
"""Members of a node's `config` that steer the engine: never rendered with the configuration."""

"""The workflow graph and its configuration, as people write them and as services read them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.message import JsonObject, StrictMessage

MAX_NODES = 5_000
MAX_EDGES = 20_000
MAX_VALUE_BYTES = 1024 * 1024
MAX_VISITS_PER_NODE = 1_000
MAX_PARALLEL = 1_000
MAX_TIMEOUT_SECONDS = 30 * 24 * 3600.0
MAX_DELAY_SECONDS = 366 * 24 * 3600.0
MAX_RETRY_ATTEMPTS = 100
MAX_WAIT_SECONDS = 60.0
DEFAULT_WAIT_SECONDS = 30.0

NODE_ID_PATTERN = r"^[A-Za-z0-9_.-]{1,128}$"

ErrorType = Literal["transient", "permanent", "timeout", "cancelled", "rejected"]
ExecutorName = Literal["sequential", "parallel"]
Visibility = Literal["private", "team", "public"]

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


class CachePolicy(StrictMessage):
    """Answer from memory what was asked before with the same input; only successes are kept."""

    ttl_seconds: float = Field(default=3600.0, gt=0, le=MAX_TIMEOUT_SECONDS)
    scope: Literal["owner", "team"] = "owner"


class RateLimit(StrictMessage):
    """Admit `limit` executions per `per_seconds`; what is over is refused (429) or queued."""

    limit: int = Field(ge=1, le=1_000_000)
    per_seconds: float = Field(default=1.0, gt=0, le=86_400)
    scope: Literal["user", "team", "blueprint"] = "user"
    on_limit: Literal["refuse", "queue"] = "refuse"


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


class BlueprintConfig(RunConfig):
    """The blueprint's own settings: those of a run, and those that no caller may override."""

    max_parallel: int | None = Field(default=None, ge=1, le=MAX_PARALLEL)
    max_visits: int | None = Field(default=None, ge=1, le=MAX_VISITS_PER_NODE)
    input_schema: JsonObject | None = None
    """JSON Schema (2020-12) that every input must satisfy."""
    rate_limit: RateLimit | None = None


def policy_of(node: Node, key: str) -> Any:
    """A node's policy (`retry`, `timeout_seconds`, `join`, `on_error`, `cache`), or None."""
    return node.config.get(key)


POLICY_KEYS = frozenset({"retry", "timeout_seconds", "join", "on_error", "cache"})
"""Members of a node's `config` that steer the engine: never templates."""

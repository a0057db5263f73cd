"""One version between its contract and its rows: every policy has columns of its own, what is free-form stays JSON."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic_core import from_json, to_json

from contracts.blueprint import BlueprintVersionRecorded
from contracts.message import JsonObject
from contracts.workflow import BlueprintConfig, CachePolicy, Edge, Node, Position, RateLimit, RetryPolicy

Row = JsonObject
"""Column -> value, ready to be written as JSON."""

PLAIN = (
    "executor", "timeout_seconds", "wait_seconds", "provider", "model", "temperature", "max_parallel", "max_visits",
    "input_schema",
)  # fmt: skip
"""Members of a configuration whose column has the same name."""
CACHE = {"ttl_seconds": "cache_ttl_seconds", "scope": "cache_scope"}
RETRY = {
    "max_attempts": "retry_max_attempts",
    "backoff_seconds": "retry_backoff_seconds",
    "backoff_factor": "retry_backoff_factor",
    "max_backoff_seconds": "retry_max_backoff_seconds",
    "jitter": "retry_jitter",
    "retry_on": "retry_on",
}
RATE_LIMIT = {
    "limit": "rate_limit",
    "per_seconds": "rate_per_seconds",
    "scope": "rate_scope",
    "on_limit": "rate_on_limit",
}
"""Member of a policy -> its column."""

CONFIG_COLUMNS = (*PLAIN, "caching", *CACHE.values(), *RETRY.values(), *RATE_LIMIT.values())


def version_row(recorded: BlueprintVersionRecorded) -> Row:
    """The row of `workflow_blueprint_versions`."""
    row = {
        "blueprint_id": recorded.originator_id,
        "version": recorded.version,
        "name": recorded.name,
        "description": recorded.description,
        "is_template": recorded.is_template,
        "node_count": len(recorded.nodes),
        "recorded_at": recorded.timestamp,
        "recorded_by": recorded.by,
        **config_columns(recorded.config),
    }
    return row | {"listed_bytes": len(to_json((row, recorded.tags)))}


def node_rows(recorded: BlueprintVersionRecorded) -> list[Row]:
    """The rows of `workflow_nodes`, in order."""
    return [
        {
            "blueprint_id": recorded.originator_id,
            "version": recorded.version,
            "ordinal": ordinal,
            "node_id": node.id,
            "type": node.type,
            "name": node.name,
            "config": node.config,
            "position_x": node.position and node.position.x,
            "position_y": node.position and node.position.y,
        }
        for ordinal, node in enumerate(recorded.nodes)
    ]


def edge_rows(recorded: BlueprintVersionRecorded) -> list[Row]:
    """The rows of `workflow_edges`, in order."""
    return [
        {
            "blueprint_id": recorded.originator_id,
            "version": recorded.version,
            "ordinal": ordinal,
            "source": edge.source,
            "target": edge.target,
            "condition": edge.condition,
            "edge_id": edge.id,
        }
        for ordinal, edge in enumerate(recorded.edges)
    ]


def tag_rows(recorded: BlueprintVersionRecorded) -> list[Row]:
    """The rows of `blueprint_tags`, in order."""
    place = {"blueprint_id": recorded.originator_id, "version": recorded.version}
    return [{**place, "ordinal": ordinal, "tag": tag} for ordinal, tag in enumerate(recorded.tags)]


def config_columns(config: BlueprintConfig) -> Row:
    """A configuration as columns."""
    cache = config.cache or None
    return {
        **{member: getattr(config, member) for member in PLAIN},
        "caching": None if config.cache is None else config.cache is not False,
        **_columns(cache, CACHE),
        **_columns(config.retry, RETRY),
        **_columns(config.rate_limit, RATE_LIMIT),
    }


def config_from(row: Mapping[str, Any]) -> BlueprintConfig:
    """The configuration that its columns hold."""
    members = {member: row[member] for member in PLAIN}
    return BlueprintConfig(
        **members | {"input_schema": row["input_schema"] and from_json(row["input_schema"])},
        cache=_cache_from(row),
        retry=None if row["retry_max_attempts"] is None else RetryPolicy(**_members(row, RETRY)),
        rate_limit=None if row["rate_limit"] is None else RateLimit(**_members(row, RATE_LIMIT)),
    )


def node_from(id: str, type: str, name: str | None, config: JsonObject, *position: float | None) -> Node:
    """The node that a row of `workflow_nodes` holds (its content alone, without the place)."""
    x, y = position
    drawn_at = None if x is None or y is None else Position.model_construct(x=x, y=y)
    return Node.model_construct(id=id, type=type, name=name, config=config, position=drawn_at)


def edge_from(source: str, target: str, condition: str | None, id: str | None) -> Edge:
    """The edge that a row of `workflow_edges` holds (its content alone, without the place)."""
    return Edge.model_construct(source=source, target=target, condition=condition, id=id)


def _cache_from(row: Mapping[str, Any]) -> CachePolicy | Literal[False] | None:
    if row["caching"] is None:
        return None
    return CachePolicy(**_members(row, CACHE)) if row["caching"] else False


def _columns(policy: CachePolicy | RetryPolicy | RateLimit | None, columns: Mapping[str, str]) -> Row:
    return {column: policy and getattr(policy, member) for member, column in columns.items()}


def _members(row: Mapping[str, Any], columns: Mapping[str, str]) -> JsonObject:
    return {member: row[column] for member, column in columns.items()}

"""A configuration as columns of its version's row, each policy in columns of its own, and back."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic_core import from_json

from contracts.message import JsonObject, StrictMessage
from contracts.workflow import (
    BlueprintConfig,
    CachePolicy,
    Concurrency,
    MiddlewareChoice,
    RateLimit,
    RetryPolicy,
)

PLAIN = (
    "executor", "timeout_seconds", "wait_seconds", "provider", "model", "temperature", "max_parallel", "max_visits",
    "input_schema",
)  # fmt: skip
"""Members of a configuration whose column has the same name."""
CACHE = {"ttl_seconds": "cache_ttl_seconds", "scope": "cache_scope", "key": "cache_key"}
RETRY = {
    "max_attempts": "retry_max_attempts",
    "backoff_seconds": "retry_backoff_seconds",
    "backoff_factor": "retry_backoff_factor",
    "max_backoff_seconds": "retry_max_backoff_seconds",
    "jitter": "retry_jitter",
    "retry_on": "retry_on",
    "never_on": "retry_never_on",
}
INSTANCE_RETRY = {member: f"instance_{column}" for member, column in RETRY.items()}
RATE_LIMIT = {
    "limit": "rate_limit",
    "per_seconds": "rate_per_seconds",
    "scope": "rate_scope",
    "on_limit": "rate_on_limit",
    "count": "rate_count",
    "node_type": "rate_node_type",
    "model": "rate_model",
}
RATE_LIMITS = {member: f"rate_limits_{member}" for member in RATE_LIMIT}
"""Arrays, all of the same length: one element for each further limit."""
CONCURRENCY = {"key": "concurrency_key", "limit": "concurrency_limit"}
MIDDLEWARE = {"leave_out": "middleware_left_out", "order": "middleware_order"}
"""Member of a policy -> its column."""

COLUMNS = (
    *PLAIN,
    "caching",
    *(
        column
        for policy in (CACHE, RETRY, INSTANCE_RETRY, RATE_LIMIT, RATE_LIMITS, CONCURRENCY, MIDDLEWARE)
        for column in policy.values()
    ),
)


def config_columns(config: BlueprintConfig) -> JsonObject:
    """A configuration as columns."""
    return {
        **{member: getattr(config, member) for member in PLAIN},
        "caching": None if config.cache is None else config.cache is not False,
        **_columns(config.cache or None, CACHE),
        **_columns(config.retry, RETRY),
        **_columns(config.instance_retry, INSTANCE_RETRY),
        **_columns(config.rate_limit, RATE_LIMIT),
        **{column: [getattr(limit, member) for limit in config.rate_limits] for member, column in RATE_LIMITS.items()},
        **_columns(config.concurrency, CONCURRENCY),
        **_columns(config.middleware, MIDDLEWARE),
    }


def config_from(row: Mapping[str, Any]) -> BlueprintConfig:
    """The configuration that its columns hold."""
    members = {member: row[member] for member in PLAIN}
    return BlueprintConfig(
        **members | {"input_schema": row["input_schema"] and from_json(row["input_schema"])},
        cache=_cache_from(row),
        retry=None if row["retry_max_attempts"] is None else RetryPolicy(**_members(row, RETRY)),
        instance_retry=(
            None if row["instance_retry_max_attempts"] is None else RetryPolicy(**_members(row, INSTANCE_RETRY))
        ),
        rate_limit=None if row["rate_limit"] is None else RateLimit(**_members(row, RATE_LIMIT)),
        rate_limits=_rate_limits_from(row),
        concurrency=None if row["concurrency_key"] is None else Concurrency(**_members(row, CONCURRENCY)),
        middleware=None if row["middleware_left_out"] is None else MiddlewareChoice(**_members(row, MIDDLEWARE)),
    )


def _cache_from(row: Mapping[str, Any]) -> CachePolicy | Literal[False] | None:
    if row["caching"] is None:
        return None
    return CachePolicy(**_members(row, CACHE)) if row["caching"] else False


def _rate_limits_from(row: Mapping[str, Any]) -> tuple[RateLimit, ...]:
    limits = zip(*(row[column] for column in RATE_LIMITS.values()), strict=True)
    return tuple(RateLimit(**dict(zip(RATE_LIMITS, limit, strict=True))) for limit in limits)


def _columns(policy: StrictMessage | None, columns: Mapping[str, str]) -> JsonObject:
    return {column: policy and getattr(policy, member) for member, column in columns.items()}


def _members(row: Mapping[str, Any], columns: Mapping[str, str]) -> JsonObject:
    return {member: row[column] for member, column in columns.items()}

"""What a deployment enforces on every blueprint: rate limits, middleware that nobody leaves out, upper bounds."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from chassis.settings import BadSettings
from contracts.message import StrictMessage
from contracts.workflow import (
    MAX_RETRY_ATTEMPTS,
    MAX_TIMEOUT_SECONDS,
    BlueprintConfig,
    CachePolicy,
    RateLimit,
    RetryPolicy,
)

MAX_QUEUE_SECONDS = 24 * 3600.0
"""So long may a place under a rate limit be waited for; what would wait longer is refused."""


class Deployment(StrictMessage):
    """The file that `HEADRACE_PIPELINE` names, in YAML or JSON; every part may be left out."""

    required: tuple[str, ...] = ("rate_limiting", "monitoring")
    """Middleware that no blueprint may leave out, and that stays where the deployment put it."""
    rate_limits: tuple[RateLimit, ...] = Field(default=(), max_length=16)
    """Enforced on every blueprint, beside its own; with the scope `user` or `team` over all blueprints together."""
    retry: RetryPolicy | None = None
    """For nodes of blueprints that say nothing about retries."""
    max_retry_attempts: Annotated[int, Field(ge=1, le=MAX_RETRY_ATTEMPTS)] = MAX_RETRY_ATTEMPTS
    """Of a node and of an instance; a policy that allows more is cut."""
    max_cache_ttl_seconds: Annotated[float, Field(gt=0, le=MAX_TIMEOUT_SECONDS)] = MAX_TIMEOUT_SECONDS
    """A policy that keeps answers longer is cut."""
    max_queue_seconds: Annotated[float, Field(ge=0, le=MAX_QUEUE_SECONDS)] = MAX_QUEUE_SECONDS

    @classmethod
    def load(cls, file: Path | None) -> "Deployment":
        """What the file says, else the defaults; raises `BadSettings` with what is wrong in it."""
        if file is None:
            return cls()
        try:
            written = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise BadSettings(f"HEADRACE_PIPELINE={file} cannot be read: {error}") from error
        if not isinstance(written, dict):
            raise BadSettings(f"HEADRACE_PIPELINE={file} must hold a mapping such as `rate_limits: [...]`")
        try:
            return cls.model_validate(written)
        except ValidationError as error:
            problems = "; ".join(_sentence(problem) for problem in error.errors())
            raise BadSettings(f"HEADRACE_PIPELINE={file} cannot be used: {problems}") from error

    def bounded(self, config: BlueprintConfig) -> BlueprintConfig:
        """A run's configuration within the bounds, and with the retries of the deployment where it has none."""
        retry = config.retry or self.retry
        changes: dict[str, Any] = {
            "retry": retry and self.bounded_retry(retry),
            "instance_retry": config.instance_retry and self.bounded_retry(config.instance_retry),
        }
        if isinstance(config.cache, CachePolicy):
            changes["cache"] = self.bounded_cache(config.cache)
        changed = {name: value for name, value in changes.items() if value != getattr(config, name)}
        return config.model_copy(update=changed) if changed else config

    def bounded_retry(self, policy: RetryPolicy) -> RetryPolicy:
        """The policy with no more attempts than the deployment allows."""
        if policy.max_attempts <= self.max_retry_attempts:
            return policy
        return policy.model_copy(update={"max_attempts": self.max_retry_attempts})

    def bounded_cache(self, policy: CachePolicy) -> CachePolicy:
        """The policy with answers kept no longer than the deployment allows."""
        if policy.ttl_seconds <= self.max_cache_ttl_seconds:
            return policy
        return policy.model_copy(update={"ttl_seconds": self.max_cache_ttl_seconds})


def _sentence(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"

"""The file that says what a deployment enforces: read, refused with reasons, applied."""

from pathlib import Path

import pytest

from chassis.settings import BadSettings
from contracts.workflow import BlueprintConfig, CachePolicy, RetryPolicy
from execution.memory.deployment import Deployment

YAML = """
required: [rate_limiting, validation]
rate_limits:
  - {limit: 1000, per_seconds: 60, scope: team}
max_retry_attempts: 4
max_cache_ttl_seconds: 600
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pipeline.yaml"


def test_without_a_file_the_defaults_hold() -> None:
    deployment = Deployment.load(None)
    assert deployment.rate_limits == ()
    assert set(deployment.required) == {"rate_limiting", "monitoring"}


def test_a_file_says_what_is_enforced(file: Path) -> None:
    file.write_text(YAML)
    deployment = Deployment.load(file)
    assert deployment.required == ("rate_limiting", "validation")
    assert [(limit.limit, limit.scope) for limit in deployment.rate_limits] == [(1000, "team")]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("max_retry_attempts: 0", "max_retry_attempts: input should be greater than or equal to 1"),
        ("rate_limits: [{limit: many}]", "rate_limits.0.limit"),
        ("rate_limit: {limit: 1}", "rate_limit: extra inputs are not permitted"),
        ("[", "cannot be read"),
        ("hello", "must hold a mapping"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(file: Path, written: str, complaint: str) -> None:
    file.write_text(written)
    with pytest.raises(BadSettings) as refused:
        Deployment.load(file)
    assert str(file) in str(refused.value)
    assert complaint in str(refused.value)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        Deployment.load(file)


class TestBounds:
    DEPLOYMENT = Deployment(retry=RetryPolicy(max_attempts=2), max_retry_attempts=4, max_cache_ttl_seconds=600)

    def test_a_run_without_retries_has_the_deployments(self) -> None:
        assert self.DEPLOYMENT.bounded(BlueprintConfig()).retry == RetryPolicy(max_attempts=2)

    def test_its_own_come_first_and_are_cut(self) -> None:
        own = RetryPolicy(max_attempts=9, backoff_seconds=7)
        bounded = self.DEPLOYMENT.bounded(BlueprintConfig(retry=own, instance_retry=own))
        assert bounded.retry == bounded.instance_retry == RetryPolicy(max_attempts=4, backoff_seconds=7)

    def test_answers_are_kept_no_longer_than_allowed(self) -> None:
        bounded = self.DEPLOYMENT.bounded(BlueprintConfig(cache=CachePolicy(ttl_seconds=3600)))
        assert bounded.cache == CachePolicy(ttl_seconds=600)

    def test_what_is_within_the_bounds_stays_as_it_is(self) -> None:
        config = BlueprintConfig(retry=RetryPolicy(max_attempts=3), cache=CachePolicy(ttl_seconds=60))
        assert self.DEPLOYMENT.bounded(config) is config

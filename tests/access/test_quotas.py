"""Quotas on real NATS and Postgres: set by the deployment's admins, seen by those whom they bind."""

from decimal import Decimal

import pytest

from contracts.quotas import QuotaLimits
from contracts.refusal import Forbidden, Malformed
from tests.access.office import ANN, BEN, EVE


async def test_the_life_of_a_quota(office):
    first = await office.limit("team", "blue", executions_per_day=10, cost_per_day=Decimal("1.25"))
    assert (first.kind, first.owner, first.executions_per_day, first.tokens_per_day) == ("team", "blue", 10, None)
    assert first.cost_per_day == Decimal("1.25")
    assert (await office.quotas()).items == (first,)

    second = await office.limit("team", "blue", tokens_per_day=5)
    assert (second.executions_per_day, second.tokens_per_day) == (None, 5)
    assert (await office.quotas()).items == (second,)

    await office.limit("team", "blue")
    assert (await office.quotas()).items == ()


async def test_the_same_limits_again_record_nothing(office):
    first = await office.limit("user", "ben", concurrent_executions=0, cost_per_day=Decimal("1.50"))
    head = await office.head()

    assert await office.limit("user", "ben", concurrent_executions=0, cost_per_day=Decimal("1.5")) == first
    assert await office.head() == head


async def test_only_the_deployments_admin_sets_any(office):
    for kind, owner in (("team", "blue"), ("user", "ann")):
        with pytest.raises(Forbidden) as refused:
            await office.limit(kind, owner, ANN, tokens_per_day=1)
        assert refused.value.code == "not_an_admin"


async def test_others_see_those_that_bind_them(office):
    for kind, owner in (("team", "blue"), ("team", "red"), ("user", "ben"), ("user", "eve"), ("team", "ben")):
        await office.limit(kind, owner, tokens_per_day=1)

    assert [(quota.kind, quota.owner) for quota in (await office.quotas(BEN)).items] == [
        ("team", "blue"),
        ("user", "ben"),
    ]
    assert [(quota.kind, quota.owner) for quota in (await office.quotas(EVE)).items] == [
        ("team", "red"),
        ("user", "eve"),
    ]
    assert len((await office.quotas()).items) == 5


@pytest.mark.parametrize(
    "limits",
    ['{"tokens_per_day": -1}', '{"tokens_per_day": 1e30}', '{"cost_per_day": "NaN"}', '{"cost_per_day": 1e400}',
     '{"cost_per_day": "0.0000001"}', '{"tokens": 1}', '{"executions_per_day": 9007199254740993}'],
)  # fmt: skip
async def test_limits_that_nobody_could_keep_to_are_refused(office, limits: str):
    body = (
        f'{{"caller": {{"user_id": "root", "roles": ["*:admin"]}}, "kind": "user", "owner": "x", "limits": {limits}}}'
    )

    with pytest.raises(Malformed):
        await office.ask_raw("SetQuota", body)

    assert (await office.quotas()).items == ()


def test_limits_that_are_all_none_are_no_limits():
    assert QuotaLimits() == QuotaLimits(executions_per_day=None, cost_per_day=None)

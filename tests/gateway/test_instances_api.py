"""Instances and analytics over HTTP."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from chassis import clock
from contracts.blueprint import ResolveBlueprint
from contracts.execution import CancelInstance, CancelView, GetInstance, GetInstanceLogs, ListInstances
from contracts.metrics import GetBlueprintAnalytics, GetUsage
from contracts.refusal import Missing
from gateway import examples
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, instance, reference, resolves, stranger

PATH = "/api/v2/instances"
PAGE = b'{"items":[],"next_cursor":null}'
USAGE = "/api/v2/analytics/usage"


async def test_lists_hand_every_filter_on(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ListInstances, PAGE)
    filters = {"status": "waiting", "blueprint_id": str(BLUEPRINT_ID), "conversation_id": "c"}
    window = {"since": "2026-01-31T12:00:00.5+02:00", "until": "2026-02-01T00:00:00Z"}

    answer = await ada.get(PATH, params=filters | window | {"limit": 1, "cursor": "x"})

    (query,) = house.asked_for(ListInstances)
    assert answer.content == PAGE
    assert query.since == datetime(2026, 1, 31, 10, 0, 0, 500_000, tzinfo=UTC)
    assert query.until == datetime(2026, 2, 1, tzinfo=UTC)
    assert (query.status, query.blueprint_id, query.conversation_id) == ("waiting", BLUEPRINT_ID, "c")
    assert (query.limit, query.cursor) == (1, "x")


async def test_an_instance_is_shown_as_execution_shows_it(ada: httpx.AsyncClient, house: FakeHouse):
    shown = instance(stranger())
    await house.when(GetInstance, shown)

    answer = await ada.get(f"{PATH}/{shown.id}")

    assert answer.content == shown.model_dump_json().encode()


async def test_logs_go_on_after_a_seq(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(GetInstanceLogs, PAGE)
    id = stranger()

    answer = await ada.get(f"{PATH}/{id}/logs?after=7&level=warn&limit=2")

    (query,) = house.asked_for(GetInstanceLogs)
    assert answer.content == PAGE
    assert (query.instance_id, query.after, query.level, query.limit) == (id, 7, "warn", 2)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "level=debug", "instance_id=x"])
async def test_logs_refuse_other_keys(ada: httpx.AsyncClient, query: str):
    assert (await ada.get(f"{PATH}/{stranger()}/logs?{query}")).status_code == 400


@pytest.mark.parametrize(("changed", "status"), [(True, 202), (False, 200)])
async def test_cancel_tells_the_first_time_from_later_ones(
    ada: httpx.AsyncClient, house: FakeHouse, changed: bool, status: int
):
    await house.when(
        CancelInstance,
        lambda command: CancelView(instance_id=command.instance_id, status="cancelled", changed=changed),
    )
    id = stranger()

    answer = await ada.post(f"{PATH}/{id}/cancel")

    assert answer.status_code == status
    assert answer.json() == {"instance_id": str(id), "status": "cancelled"}


async def test_usage_is_of_the_last_thirty_days_by_default(ada: httpx.AsyncClient, house: FakeHouse):
    usage = b'{"user_id":"ada"}'
    await house.when(GetUsage, usage)

    answer = await ada.get(USAGE)

    (query,) = house.asked_for(GetUsage)
    assert answer.content == usage
    assert query.until - query.since == timedelta(days=30)
    assert abs(clock.now() - query.until) < timedelta(seconds=30)


async def test_half_a_window_is_completed(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(GetUsage, examples.USAGE)
    until = datetime(2026, 1, 31, tzinfo=UTC)

    await ada.get(USAGE, params={"to": "2026-01-31T00:00:00Z"})
    await ada.get(USAGE, params={"from": "2026-01-31T00:00:00Z"})

    first, second = house.asked_for(GetUsage)
    assert (first.since, first.until) == (until - timedelta(days=30), until)
    assert second.since == until


@pytest.mark.parametrize(
    "window",
    [
        {"from": "2026-01-31T00:00:00Z", "to": "2026-01-31T00:00:00Z"},
        {"from": "2026-01-31T00:00:00Z", "to": "2026-01-30T00:00:00Z"},
        {"from": "2999-01-01T00:00:00Z"},
        {"to": "yesterday"},
        {"from_": "2026-01-30T00:00:00Z"},
    ],
)
async def test_a_window_that_holds_nothing_is_a_400(ada: httpx.AsyncClient, window: dict):
    answer = await ada.get(USAGE, params=window)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_query")


async def test_analytics_are_asked_with_the_blueprint_as_it_is(ada: httpx.AsyncClient, house: FakeHouse):
    await resolves(house)
    await house.when(GetBlueprintAnalytics, examples.ANALYTICS)

    answer = await ada.get(f"/api/v2/blueprints/{BLUEPRINT_ID}/analytics?from=2026-01-01T00:00:00Z")

    (query,) = house.asked_for(GetBlueprintAnalytics)
    assert answer.json() == examples.ANALYTICS
    assert query.blueprint == reference()
    assert query.since == datetime(2026, 1, 1, tzinfo=UTC)


async def test_analytics_of_what_is_not_visible_are_a_404(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ResolveBlueprint, Missing("no_blueprint", "There is no such blueprint."))

    answer = await ada.get(f"/api/v2/blueprints/{stranger()}/analytics")

    assert (answer.status_code, answer.json()["code"]) == (404, "no_blueprint")

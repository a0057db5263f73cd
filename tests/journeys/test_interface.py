"""Every status that the published document lists for an operation can be had, with exactly the members it lists."""

from collections.abc import Iterable
from typing import Any

from gateway.failures import FAILURES_PER_WINDOW
from tests.journeys.access import BY_SHEER_NUMBER, SHAPES_OF_ACCESS, key_of, known_and_erased, little_keys, of_access
from tests.journeys.things import GOOD, LARGE, NOBODYS, Things, things
from tests.support.api import Api, user_of
from tests.support.stacks import Up

BY_ACCIDENT = {500, 503}
"""Nothing that a client does leads there."""
BAD, TOO_LARGE = 400, 413
NO_JSON: dict[str, Any] = {"content": b"{}", "headers": {"Content-Type": "image/png"}}
SHAPES = {
    "BlueprintView": "id name description version nodes edges config tags is_template parent_id owner_id team_id "
    "visibility created_at updated_at archived_at",
    "BlueprintSummary": "id name description version node_count config tags is_template parent_id owner_id team_id "
    "visibility created_at updated_at archived_at",
    "InstanceView": "id blueprint_id blueprint_version status input output error user_id conversation_id metadata "
    "created_at started_at completed_at metrics",
    "InstanceMetrics": "execution_time_ms queue_time_ms nodes_executed prompt_tokens completion_tokens tokens_used "
    "cost tool_calls errors retries cache_hits node_execution_times",
    "ExecutionView": "instance_id status output metrics error",
    "InstanceStatus": "instance_id status",
    "LogEntry": "seq time level event node_id visit attempt message data",
    "StreamLine": "seq event instance_id time data",
    "BlueprintAnalytics": "blueprint_id from to as_of executions success_rate duration_ms tokens cost retries "
    "cache_hits slowest_nodes",
    "UsageView": "user_id from to as_of executions tokens cost by_blueprint by_day",
    "ExecutionCounts": "total completed failed cancelled",
    "Durations": "p50 p95 p99 avg",
    "SlowNode": "node_id runs p50_ms p95_ms",
    "SteeringView": "instance_id status changed",
    "SignalView": "signal_id instance_id",
    "WaitsView": "instance_id status items",
    "OpenWait": "node_id visit scope label kind name key due_at title description form",
    "LineageView": "instance_id root_id parent children",
    "RelativeView": "instance_id blueprint_id blueprint_version status node_id",
    "ProblemView": "type title status detail instance code errors",
    "Problem": "pointer code message",
    "ValidationView": "valid problems",
    "BlueprintPage": "items next_cursor",
    **SHAPES_OF_ACCESS,
}
"""What clients rely on, by the name of the schema in the published document."""

Request = tuple[int, str, str, dict[str, Any]]


def of_blueprints(at: Things) -> list[Request]:
    """Status, method, path and what else is sent."""
    own, bad_query = f"/blueprints/{at.own}", {"params": {"colour": "blue"}}
    return [
        (201, "POST", "/blueprints", {"json": GOOD}),
        (200, "POST", "/blueprints?dry_run=true", {"json": GOOD}),
        (400, "POST", "/blueprints", {"content": b"{"}),
        (413, "POST", "/blueprints", {"content": LARGE}),
        (422, "POST", "/blueprints", {"json": {}}),
        (200, "GET", "/blueprints", {}),
        (400, "GET", "/blueprints", bad_query),
        (200, "GET", own, {}),
        (400, "GET", own, bad_query),
        (404, "GET", f"/blueprints/{NOBODYS}", {}),
        (200, "PUT", own, {"json": GOOD}),
        (400, "PUT", own, {"content": b"{"}),
        (403, "PUT", f"/blueprints/{at.bobs}", {"json": GOOD}),
        (404, "PUT", f"/blueprints/{NOBODYS}", {"json": GOOD}),
        (409, "PUT", f"/blueprints/{at.archived}", {"json": GOOD}),
        (412, "PUT", own, {"json": GOOD, "headers": {"If-Match": '"99"'}}),
        (413, "PUT", own, {"content": LARGE}),
        (422, "PUT", own, {"json": {}}),
        (204, "DELETE", f"/blueprints/{at.archived}", {}),
        (400, "DELETE", own, bad_query),
        (403, "DELETE", f"/blueprints/{at.bobs}", {}),
        (404, "DELETE", f"/blueprints/{NOBODYS}", {}),
        (201, "POST", f"/blueprints/{at.template}/clone", {}),
        (400, "POST", f"/blueprints/{at.template}/clone", {"content": b"{"}),
        (404, "POST", f"/blueprints/{NOBODYS}/clone", {}),
        (409, "POST", f"{own}/clone", {}),
        (413, "POST", f"/blueprints/{at.template}/clone", {"content": LARGE}),
        (422, "POST", f"/blueprints/{at.template}/clone", {"json": {"name": 7}}),
        (200, "DELETE", f"{own}/cache", {}),
        (400, "DELETE", f"{own}/cache", bad_query),
        (403, "DELETE", f"/blueprints/{at.public}/cache", {}),
        (404, "DELETE", f"/blueprints/{NOBODYS}/cache", {}),
        (200, "GET", "/templates", {}),
        (400, "GET", "/templates", bad_query),
        (200, "GET", f"{own}/analytics", {}),
        (400, "GET", f"{own}/analytics", {"params": {"from": "yesterday"}}),
        (404, "GET", f"/blueprints/{NOBODYS}/analytics", {}),
        (200, "GET", "/analytics/usage", {}),
        (400, "GET", "/analytics/usage", {"params": {"to": "tomorrow"}}),
    ]


def of_runs(at: Things) -> list[Request]:
    """Status, method, path and what else is sent."""
    bad_query = {"params": {"colour": "blue"}}
    both = [
        (200, {"json": {}}, at.own),
        (400, {"content": b"{"}, at.own),
        (404, {"json": {}}, NOBODYS),
        (409, {"json": {}}, at.archived),
        (413, {"content": LARGE}, at.own),
        (422, {"json": {"config": {"executor": "magic"}}}, at.own),
        (429, {"json": {}}, at.limited),
    ]
    return [
        *(
            (status, "POST", f"/blueprints/{id}/{how}", sent)
            for status, sent, id in both
            for how in ("execute", "stream")
        ),
        (202, "POST", f"/blueprints/{at.own}/execute?mode=async", {"json": {}}),
        (200, "GET", "/instances", {}),
        (400, "GET", "/instances", bad_query),
        (200, "GET", f"/instances/{at.done}", {}),
        (400, "GET", f"/instances/{at.done}", bad_query),
        (404, "GET", f"/instances/{NOBODYS}", {}),
        (200, "GET", f"/instances/{at.done}/logs", {}),
        (400, "GET", f"/instances/{at.done}/logs", bad_query),
        (404, "GET", f"/instances/{NOBODYS}/logs", {}),
        (202, "POST", f"/instances/{at.running}/cancel", {}),
        (200, "POST", f"/instances/{at.cancelled}/cancel", {}),
        (400, "POST", f"/instances/{at.done}/cancel", bad_query),
        (403, "POST", f"/instances/{at.bobs_run}/cancel", {}),
        (404, "POST", f"/instances/{NOBODYS}/cancel", {}),
        (409, "POST", f"/instances/{at.done}/cancel", {}),
    ]


def of_steering(at: Things) -> list[Request]:
    """Status, method, path and what else is sent."""
    steady, approved, rejected, given_up = (f"/instances/{run}" for run in at.asking)
    done, nobodys, bad_query = f"/instances/{at.done}", f"/instances/{NOBODYS}", {"params": {"colour": "blue"}}
    orders = ("pause", "resume", "terminate", "retry", "nodes/start/cancel")
    signals = [
        (f"/instances/{at.asking[0]}/signal", f"{nobodys}/signal", f"{done}/signal", {"name": "x"}),
        (
            f"/blueprints/{at.own}/signals",
            f"/blueprints/{NOBODYS}/signals",
            f"/blueprints/{at.archived}/signals",
            {"name": "x", "key": "k"},
        ),
    ]
    return [
        *(
            (status, "GET", f"{run}/{what}", sent)
            for what in ("waits", "lineage")
            for status, run, sent in ((200, done, {}), (400, done, bad_query), (404, nobodys, {}))
        ),
        *(
            (status, "POST", f"{run}/{order}", sent)
            for order in orders
            for status, run, sent in ((400, done, bad_query), (404, nobodys, {}), (409, done, {}))
        ),
        *(
            (status, "POST", path, sent)
            for well, nowhere, over, body in signals
            for status, path, sent in (
                (202, well, {"json": body}),
                (400, well, {"content": b"{"}),
                (404, nowhere, {"json": body}),
                (409, over, {"json": body}),
                (413, well, {"content": LARGE}),
                (422, well, {"json": {}}),
            )
        ),
        *(
            (status, "POST", f"{run}/{verb}", sent)
            for verb in ("approve", "reject")
            for status, run, sent in (
                (400, done, {"content": b"{"}),
                (403, f"/instances/{at.asking_others}", {}),
                (404, nobodys, {}),
                (409, done, {}),
                (413, done, {"content": LARGE}),
                (422, done, {"json": {"why": 1}}),
            )
        ),
        (200, "POST", f"{approved}/approve", {}),
        (200, "POST", f"{rejected}/reject", {}),
        (202, "POST", f"{given_up}/nodes/review/cancel", {}),
        (202, "POST", f"/instances/{at.failed}/retry", {}),
        *((status, "POST", f"{steady}/{order}", {}) for order in orders[:3] for status in (202, 200)),
    ]


async def test_every_documented_status_of_every_operation_can_be_had(stack: Up, teammate: Api, team: str) -> None:
    async with user_of(stack, teams=[team], roles=["*:admin"]) as ada, things(ada, teammate, team) as at:
        await known_and_erased(ada)
        key_id, little = (await key_of(ada, "read"))["id"], await little_keys(ada)
        asked = [*of_blueprints(at), *of_runs(at), *of_steering(at), *of_access(key_id, ada.user)]
        asked += [(415, method, path, NO_JSON) for status, method, path, _ in asked if status == TOO_LARGE]
        for status, method, path, sent in asked:
            answer = await ada.send(method, path, **sent)
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
            await without_a_token(ada, method, path)
        for _, method, path, sent in well_asked(asked):
            answers = [await ada.send(method, path, **sent, headers=key) for key in little]
            assert 403 in {answer.status_code for answer in answers}, f"{method} {path}"
        await after_too_many_failures(ada, well_asked(asked))

    assert documented(ada) - BY_SHEER_NUMBER == {(operation, status) for _, operation, status in ada.interface.judged}


def documented(api: Api) -> set[tuple[str, int]]:
    """Every status of every operation that somebody can bring about."""
    return {
        (operation["operationId"], int(status))
        for methods in api.interface.document["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if int(status) not in BY_ACCIDENT
    }


def well_asked(asked: Iterable[Request]) -> list[Request]:
    """Of what was asked, whatever went well."""
    return [request for request in asked if request[0] < BAD]


async def after_too_many_failures(api: Api, asked: Iterable[Request]) -> None:
    """The same requests from where too many tokens did not hold."""
    bad = {"Authorization": "Bearer x.y.z", "X-Forwarded-For": "203.0.113.9"}
    for _ in range(FAILURES_PER_WINDOW):
        await api.http.get("/api/v2/users/me", headers=bad)
    for _, method, path, _ in asked:
        assert (await api.send(method, path, headers=bad)).status_code == 429


async def without_a_token(api: Api, method: str, path: str) -> None:
    """The same request of somebody who shows no token is turned away."""
    answer = await api.send(method, path, headers={"Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_document_lists_the_members_that_clients_rely_on(ada: Api) -> None:
    schemas = (await ada.http.get("/openapi.json")).json()["components"]["schemas"]

    assert {name: set(schemas[name]["properties"]) for name in SHAPES} == {
        name: set(members.split()) for name, members in SHAPES.items()
    }

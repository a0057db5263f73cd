"""Every status that the published document lists for an operation can be had, with exactly the members it lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.support.api import Api
from tests.support.blueprints import chain, nap, step

BY_ACCIDENT = {500, 503}
"""Nothing that a client does leads there."""
GOOD = chain(step("tell"))
LARGE = b'"' + b"x" * (4 * 1024 * 1024) + b'"'
NOBODYS = uuid4()


@dataclass(frozen=True)
class Things:
    """What there is to ask about: ids of blueprints and of runs, in every state that matters."""

    own: str
    archived: str
    bobs: str
    limited: str
    template: str
    done: str
    cancelled: str
    running: str
    bobs_run: str


@asynccontextmanager
async def things(ada: Api, bob: Api, team: str) -> AsyncIterator[Things]:
    """All of it, made for ada; bob shares one blueprint with her team and runs it."""
    shared = chain(nap("nap", 60)) | {"visibility": "team", "team_id": team}
    own, bobs = await ada.create(GOOD), await bob.create(shared)
    archived = await ada.create(GOOD)
    await ada.ask("DELETE", f"/blueprints/{archived['id']}", 204)
    limited = await ada.create(GOOD | {"config": {"rate_limit": {"limit": 1, "per_seconds": 3600}}})
    await ada.execute(limited)
    template = await ada.create(GOOD | {"is_template": True})
    naps = await ada.create(chain(nap("nap", 60)))
    running, cancelled, bobs_run = await ada.begin(naps), await ada.begin(naps), await bob.begin(bobs)
    await ada.ask("POST", f"/instances/{cancelled}/cancel", 202)
    await ada.ends(cancelled)
    done = (await ada.execute(own))["instance_id"]
    ids = (found["id"] for found in (own, archived, bobs, limited, template))
    yield Things(*ids, done, cancelled, running, bobs_run)
    await ada.ask("POST", f"/instances/{running}/cancel", 200)
    await bob.ask("POST", f"/instances/{bobs_run}/cancel", 202)


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
    "ProblemView": "type title status detail instance code errors",
    "Problem": "pointer code message",
    "ValidationView": "valid problems",
    "BlueprintPage": "items next_cursor",
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


async def test_every_documented_status_of_every_operation_can_be_had(ada: Api, teammate: Api, team: str) -> None:
    document = (await ada.http.get("/openapi.json")).json()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    documented = {
        (operation["operationId"], int(status))
        for operation in operations
        for status in operation["responses"]
        if int(status) not in BY_ACCIDENT
    }
    async with things(ada, teammate, team) as at:
        for status, method, path, sent in (*of_blueprints(at), *of_runs(at)):
            answer = await ada.send(method, path, **sent)
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
            await without_a_token(ada, method, path)

    assert {(operation, status) for _, operation, status in ada.interface.judged} == documented


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

"""The description of the interface agrees with the promised one, and with what the gateway answers."""

from typing import Any

import httpx
import pytest

from contracts.blueprint import BlueprintBody, BlueprintPage, BlueprintView, TemplatePage, ValidationView
from contracts.execution import ExecuteBody, ExecutionView, InstancePage, InstanceView, LogPage, StreamLine
from contracts.metrics import BlueprintAnalytics, UsageView
from contracts.steering import (
    DecisionBody,
    KeyedSignalBody,
    LineageView,
    SignalBody,
    SignalView,
    SteeringView,
    WaitsView,
)
from gateway import examples
from gateway.app import openapi_document
from tests.gateway import promised_access

ALWAYS = {"400", "401", "403", "429", "500", "503"}
BODY = {"413", "415", "422"}
PROMISED = {
    ("post", "/blueprints"): ("createBlueprint", {"201", "200"} | BODY, {"dry_run"}),
    ("get", "/blueprints"): (
        "listBlueprints",
        {"200"},
        {"limit", "cursor", "owner", "team", "tag", "q", "node_type", "is_template"},
    ),
    ("get", "/blueprints/{id}"): ("getBlueprint", {"200", "404"}, {"version"}),
    ("put", "/blueprints/{id}"): ("updateBlueprint", {"200", "404", "409", "412"} | BODY, set()),
    ("delete", "/blueprints/{id}"): ("deleteBlueprint", {"204", "404"}, set()),
    ("post", "/blueprints/{id}/clone"): ("cloneBlueprint", {"201", "404", "409"} | BODY, set()),
    ("get", "/templates"): ("listTemplates", {"200"}, {"limit", "cursor", "tag", "q"}),
    ("post", "/blueprints/{id}/execute"): (
        "executeBlueprint",
        {"200", "202", "404", "409"} | BODY,
        {"mode", "version"},
    ),
    ("post", "/blueprints/{id}/stream"): ("streamBlueprint", {"200", "404", "409"} | BODY, {"version"}),
    ("get", "/instances"): (
        "listInstances",
        {"200"},
        {"limit", "cursor", "status", "blueprint_id", "conversation_id", "since", "until"},
    ),
    ("get", "/instances/{id}"): ("getInstance", {"200", "404"}, set()),
    ("get", "/instances/{id}/logs"): ("getInstanceLogs", {"200", "404"}, {"limit", "cursor", "after", "level"}),
    ("post", "/instances/{id}/cancel"): ("cancelInstance", {"200", "202", "404", "409"}, set()),
    ("post", "/instances/{id}/pause"): ("pauseInstance", {"200", "202", "404", "409"}, set()),
    ("post", "/instances/{id}/resume"): ("resumeInstance", {"200", "202", "404", "409"}, set()),
    ("post", "/instances/{id}/terminate"): ("terminateInstance", {"200", "202", "404", "409"}, set()),
    ("post", "/instances/{id}/retry"): ("retryInstance", {"202", "404", "409"}, set()),
    ("post", "/instances/{id}/signal"): ("signalInstance", {"202", "404", "409"} | BODY, set()),
    ("post", "/instances/{id}/approve"): ("approveInstance", {"200", "404", "409"} | BODY, set()),
    ("post", "/instances/{id}/reject"): ("rejectInstance", {"200", "404", "409"} | BODY, set()),
    ("post", "/instances/{id}/nodes/{node_id}/cancel"): ("cancelNode", {"202", "404", "409"}, set()),
    ("get", "/instances/{id}/waits"): ("getInstanceWaits", {"200", "404"}, set()),
    ("get", "/instances/{id}/lineage"): ("getInstanceLineage", {"200", "404"}, set()),
    ("post", "/blueprints/{id}/signals"): ("postSignal", {"202", "404", "409"} | BODY, set()),
    ("delete", "/blueprints/{id}/cache"): ("clearCache", {"200", "404"}, {"node_id"}),
    ("get", "/blueprints/{id}/analytics"): ("getBlueprintAnalytics", {"200", "404"}, {"from", "to"}),
    ("get", "/analytics/usage"): ("getUsage", {"200"}, {"from", "to"}),
    **promised_access.PROMISED,
}
"""(method, path) -> operation id, statuses beside those of every endpoint, query keys."""
LIST = {"items", "next_cursor"}
TALLY = {"prompt_tokens", "completion_tokens", "tokens_used", "cost", "tool_calls", "errors", "retries", "cache_hits"}
OWNED = {"id", "name", "description", "version", "config", "tags", "is_template", "parent_id", "owner_id", "team_id"}
OWNED |= {"visibility", "created_at", "updated_at", "archived_at"}
WINDOW = {"from", "to", "as_of", "executions", "tokens", "cost"}
MEMBERS = {
    "BlueprintView": OWNED | {"nodes", "edges"},
    "BlueprintSummary": OWNED | {"node_count"},
    "TemplateSummary": OWNED | {"node_count", "clone_count"},
    "BlueprintPage": LIST,
    "TemplatePage": LIST,
    "InstancePage": LIST,
    "LogPage": LIST,
    "ValidationView": {"valid", "problems"},
    "CloneBody": {"name"},
    "ExecuteBody": {"input", "config", "conversation_id", "metadata"},
    "RunConfig": {"executor", "timeout_seconds", "wait_seconds", "provider", "model", "temperature", "cache", "retry"}
    | {"instance_retry"},
    "ExecutionView": {"instance_id", "status", "output", "metrics", "error"},
    "InstanceStatus": {"instance_id", "status"},
    "InstanceView": {"id", "blueprint_id", "blueprint_version", "status", "input", "output", "error", "user_id"}
    | {"conversation_id", "metadata", "created_at", "started_at", "completed_at", "metrics"},
    "InstanceMetrics": TALLY | {"execution_time_ms", "queue_time_ms", "nodes_executed", "node_execution_times"},
    "RunError": {"type", "code", "message", "node_id"},
    "LogEntry": {"seq", "time", "level", "event", "node_id", "visit", "attempt", "message", "data"},
    "StreamLine": {"seq", "event", "instance_id", "time", "data"},
    "BlueprintAnalytics": WINDOW
    | {"blueprint_id", "success_rate", "duration_ms", "retries", "cache_hits", "slowest_nodes"},
    "UsageView": WINDOW | {"user_id", "by_blueprint", "by_day"},
    "ExecutionCounts": {"total", "completed", "failed", "cancelled"},
    "Durations": {"p50", "p95", "p99", "avg"},
    "TokenCounts": {"prompt", "completion", "total"},
    "SlowNode": {"node_id", "runs", "p50_ms", "p95_ms"},
    "BlueprintUsage": {"blueprint_id", "name", "executions", "tokens", "cost"},
    "DayUsage": {"date", "executions", "tokens", "cost"},
    "SteeringView": {"instance_id", "status", "changed"},
    "SignalView": {"signal_id", "instance_id"},
    "SignalBody": {"name", "payload"},
    "KeyedSignalBody": {"name", "payload", "key"},
    "DecisionBody": {"node_id", "comment", "form"},
    "CacheView": {"blueprint_id", "node_id", "forgotten"},
    "WaitsView": {"instance_id", "status", "items"},
    "OpenWait": {"node_id", "visit", "scope", "label", "kind", "name", "key", "due_at", "title", "description", "form"},
    "LineageView": {"instance_id", "root_id", "parent", "children"},
    "RelativeView": {"instance_id", "blueprint_id", "blueprint_version", "status", "node_id"},
    "ProblemView": {"type", "title", "status", "detail", "instance", "code", "errors"},
    "Problem": {"pointer", "code", "message"},
    **promised_access.MEMBERS,
}
EXAMPLES = [
    (BlueprintBody, examples.BLUEPRINT_BODY),
    (BlueprintView, examples.BLUEPRINT),
    (BlueprintView, examples.CLONE),
    (BlueprintPage, examples.BLUEPRINT_PAGE),
    (TemplatePage, examples.TEMPLATE_PAGE),
    (ValidationView, examples.VALIDATION),
    (ExecuteBody, examples.EXECUTE_BODY),
    (ExecutionView, examples.EXECUTION),
    (InstanceView, examples.INSTANCE),
    (InstancePage, examples.INSTANCE_PAGE),
    (LogPage, examples.LOG_PAGE),
    (StreamLine, examples.STREAM_LINE),
    (SteeringView, examples.PAUSED),
    (SteeringView, examples.RESUMED | examples.UNCHANGED),
    (SteeringView, examples.TERMINATED),
    (SignalBody, examples.SIGNAL_BODY),
    (KeyedSignalBody, examples.KEYED_SIGNAL_BODY),
    (SignalView, examples.SIGNAL),
    (DecisionBody, examples.DECISION_BODY),
    (WaitsView, examples.WAITS),
    (LineageView, examples.LINEAGE),
    (BlueprintAnalytics, examples.ANALYTICS),
    (UsageView, examples.USAGE),
    *promised_access.EXAMPLES,
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def test_exactly_the_promised_endpoints_exist(document: dict[str, Any]):
    described = {
        (method, path.removeprefix("/api/v2")): (
            operation["operationId"],
            set(operation["responses"]) - ALWAYS,
            {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"},
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert described == PROMISED


@pytest.mark.parametrize("name", MEMBERS)
def test_a_shape_has_exactly_the_promised_members(document: dict[str, Any], name: str):
    assert set(document["components"]["schemas"][name]["properties"]) == MEMBERS[name]


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            inner = set().union(*map(references, value.values()))
            return inner | ({value["$ref"]} if isinstance(value.get("$ref"), str) else set())
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    def leads(reference: str) -> bool:
        _, _, kind, name = reference.split("/")
        return name in document["components"][kind]

    assert [reference for reference in references(document) if not leads(reference)] == []


def test_every_operation_is_told_in_words_and_by_example(document: dict[str, Any]):
    for methods in document["paths"].values():
        for operation in methods.values():
            contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
            contents += [response["content"] for response in operation["responses"].values() if "content" in response]
            assert operation["summary"]
            assert operation["description"].endswith(".")
            assert all(shown["example"] for content in contents for shown in content.values())
            assert all(
                parameter.get("description") or parameter["in"] == "path" for parameter in operation["parameters"]
            )


@pytest.mark.parametrize(("model", "example"), EXAMPLES, ids=lambda value: getattr(value, "__name__", ""))
def test_an_example_fits_its_model(model: Any, example: dict[str, Any]):
    shown = model.model_validate(example).model_dump(mode="json", by_alias=True, exclude_unset=True)

    assert shown == example


def test_every_endpoint_may_be_refused_in_the_same_ways(document: dict[str, Any]):
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]

    assert all(set(operation["responses"]) >= ALWAYS for operation in operations)
    assert document["security"] == [{"bearer": []}]


async def test_the_description_is_served(nobody: httpx.AsyncClient, document: dict[str, Any]):
    answer = await nobody.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document


async def test_the_page_loads_nothing_from_elsewhere(nobody: httpx.AsyncClient):
    answer = await nobody.get("/docs")

    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "/openapi.json" in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text

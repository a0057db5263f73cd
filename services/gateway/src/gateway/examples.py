"""The examples that the interface's description shows; a test holds each against its model."""

from http import HTTPStatus
from typing import Any

BLUEPRINT_ID = "0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10"
INSTANCE_ID = "0199c3f4-02b7-7d11-9c0f-51a6b7e0c4d2"
BEGIN, MIDDLE, END = "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.004Z", "2026-01-31T12:00:00.021Z"

BLUEPRINT_BODY: dict[str, Any] = {
    "name": "Greeting",
    "description": "Says hello, politely.",
    "nodes": [
        {"id": "start", "type": "start"},
        {"id": "greet", "type": "transform", "config": {"output": "Hello, ${ input.name }!"}},
        {"id": "end", "type": "end", "config": {"output": "${ nodes.greet }"}},
    ],
    "edges": [{"source": "start", "target": "greet"}, {"source": "greet", "target": "end"}],
    "tags": ["example"],
}
OWNED = {
    "config": {},
    "tags": ["example"],
    "is_template": False,
    "parent_id": None,
    "owner_id": "ada",
    "team_id": None,
    "visibility": "private",
    "created_at": BEGIN,
    "updated_at": BEGIN,
    "archived_at": None,
}
BLUEPRINT = {"id": BLUEPRINT_ID, "version": 1, **BLUEPRINT_BODY, **OWNED}
SUMMARY = {
    "id": BLUEPRINT_ID,
    "name": "Greeting",
    "description": "Says hello, politely.",
    "version": 1,
    "node_count": 3,
    **OWNED,
}
BLUEPRINT_PAGE = {"items": [SUMMARY], "next_cursor": None}
TEMPLATE_PAGE = {"items": [{**SUMMARY, "is_template": True, "clone_count": 7}], "next_cursor": None}
VALIDATION = {
    "valid": False,
    "problems": [
        {"pointer": "/nodes/1/type", "code": "unknown_node_type", "message": "There is no node type `transfrom`."}
    ],
}
CLONE_BODY = {"name": "My greeting"}
CLONE = {**BLUEPRINT, "id": "0199c3f5-9d20-7b3e-a1c4-0e7f6a5d4c3b", "name": "My greeting", "parent_id": BLUEPRINT_ID}

EXECUTE_BODY = {"input": {"name": "Ada"}, "conversation_id": "support-42", "metadata": {"ticket": 17}}
METRICS = {
    "execution_time_ms": 21.0,
    "queue_time_ms": 4.0,
    "nodes_executed": 3,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "tokens_used": 0,
    "cost": 0.0,
    "tool_calls": 0,
    "errors": 0,
    "retries": 0,
    "cache_hits": 0,
    "node_execution_times": {"greet": 0.3},
}
EXECUTION = {
    "instance_id": INSTANCE_ID,
    "status": "completed",
    "output": "Hello, Ada!",
    "metrics": METRICS,
    "error": None,
}
ACCEPTED = {"instance_id": INSTANCE_ID, "status": "pending"}
CANCELLED = {"instance_id": INSTANCE_ID, "status": "cancelled"}
INSTANCE = {
    "id": INSTANCE_ID,
    "blueprint_id": BLUEPRINT_ID,
    "blueprint_version": 1,
    "status": "completed",
    "input": {"name": "Ada"},
    "output": "Hello, Ada!",
    "error": None,
    "user_id": "ada",
    "conversation_id": "support-42",
    "metadata": {"ticket": 17},
    "created_at": BEGIN,
    "started_at": MIDDLE,
    "completed_at": END,
    "metrics": METRICS,
}
INSTANCE_PAGE = {"items": [INSTANCE], "next_cursor": None}
LOG_PAGE = {
    "items": [
        {
            "seq": 3,
            "time": MIDDLE,
            "level": "info",
            "event": "NodeCompleted",
            "node_id": "greet",
            "visit": 1,
            "attempt": 1,
            "message": "greet completed in 0.3 ms",
            "data": {"duration_ms": 0.3},
        }
    ],
    "next_cursor": None,
}
STREAM_LINE = {
    "seq": 5,
    "event": "InstanceCompleted",
    "instance_id": INSTANCE_ID,
    "time": END,
    "data": {"output": "Hello, Ada!"},
}

PAUSED = {"instance_id": INSTANCE_ID, "status": "paused", "changed": True}
RESUMED = {"instance_id": INSTANCE_ID, "status": "running", "changed": True}
TERMINATED = {"instance_id": INSTANCE_ID, "status": "terminated", "changed": True}
UNCHANGED = {"changed": False}
SIGNAL_BODY = {"name": "paid", "payload": {"amount": 1250.0}}
KEYED_SIGNAL_BODY = {**SIGNAL_BODY, "key": "order-A-1001"}
SIGNAL = {"signal_id": "0199c3f6-11d8-7c55-b2d0-9a8e7f6c5b4d", "instance_id": INSTANCE_ID}
DECISION_BODY = {"node_id": "review", "comment": "Known customer.", "form": {"limit": 2000}}
WAITS = {
    "instance_id": INSTANCE_ID,
    "status": "waiting",
    "items": [
        {
            "node_id": "review",
            "visit": 1,
            "scope": "",
            "label": "review",
            "kind": "approval",
            "name": None,
            "key": None,
            "due_at": END,
            "title": "Order A-1001",
            "description": None,
            "form": {"type": "object", "properties": {"limit": {"type": "number"}}},
        }
    ],
}
LINEAGE = {
    "instance_id": INSTANCE_ID,
    "root_id": INSTANCE_ID,
    "parent": None,
    "children": [
        {
            "instance_id": "0199c3f7-4c2e-7e91-8d63-2b1a0f9e8d7c",
            "blueprint_id": BLUEPRINT_ID,
            "blueprint_version": 1,
            "status": "completed",
            "node_id": "enrich",
        }
    ],
}

CLEARED = {"blueprint_id": BLUEPRINT_ID, "node_id": "classify", "forgotten": 17}

WINDOW = {"from": "2026-01-01T00:00:00.000Z", "to": "2026-01-31T00:00:00.000Z", "as_of": "2026-01-31T12:00:00.000Z"}
COUNTS = {"total": 128, "completed": 120, "failed": 6, "cancelled": 2}
TOKENS = {"prompt": 52_000, "completion": 9_100, "total": 61_100}
ANALYTICS = {
    "blueprint_id": BLUEPRINT_ID,
    **WINDOW,
    "executions": COUNTS,
    "success_rate": 0.952,
    "duration_ms": {"p50": 840.0, "p95": 2_150.0, "p99": 4_020.0, "avg": 1_010.5},
    "tokens": TOKENS,
    "cost": 0.4127,
    "retries": 4,
    "cache_hits": 31,
    "slowest_nodes": [{"node_id": "summarise", "runs": 97, "p50_ms": 610.0, "p95_ms": 1_900.0}],
}
USAGE = {
    "user_id": "ada",
    **WINDOW,
    "executions": COUNTS,
    "tokens": TOKENS,
    "cost": 0.4127,
    "by_blueprint": [
        {"blueprint_id": BLUEPRINT_ID, "name": "Greeting", "executions": 128, "tokens": 61_100, "cost": 0.4127}
    ],
    "by_day": [{"date": "2026-01-30", "executions": 12, "tokens": 5_800, "cost": 0.0391}],
}


def problem(status: int, phrase: str, detail: str) -> dict[str, Any]:
    """A problem of this status."""
    code = phrase.lower().replace(" ", "_")
    return {
        "type": f"urn:headrace:problem:{code}",
        "title": phrase,
        "status": status,
        "detail": detail,
        "instance": f"/api/v2/blueprints/{BLUEPRINT_ID}",
        "code": code,
        "errors": VALIDATION["problems"] if status == HTTPStatus.UNPROCESSABLE_ENTITY else [],
    }

"""The HTTP client: pages followed, streams read line by line, refusals raised with every problem."""

import json

import httpx
import pytest

from headrace.client import Headrace
from headrace.errors import Complaint, FieldProblem, ProblemError, Unreachable
from tests.headrace.gateways import Gateway, client, problem


def test_a_blueprint_is_created_as_the_bearer():
    gateway = Gateway(httpx.Response(201, json={"id": "1"}))

    assert client(gateway).create_blueprint({"name": "a"}) == {"id": "1"}

    asked = gateway.asked[0]
    assert (asked.method, asked.url.path) == ("POST", "/api/v2/blueprints")
    assert asked.headers["Authorization"] == "Bearer secret"
    assert json.loads(asked.content) == {"name": "a"}


def test_lists_follow_every_page():
    gateway = Gateway(
        httpx.Response(200, json={"items": [{"id": "2"}], "next_cursor": "c"}),
        httpx.Response(200, json={"items": [{"id": "1"}], "next_cursor": None}),
    )

    assert [found["id"] for found in client(gateway).instances(status="failed")] == ["2", "1"]
    assert [dict(asked.url.params) for asked in gateway.asked] == [
        {"limit": "200", "status": "failed"},
        {"limit": "200", "status": "failed", "cursor": "c"},
    ]


def test_an_update_names_the_version_it_was_made_from():
    gateway = Gateway(httpx.Response(200, json={}))

    client(gateway).update_blueprint("1", {}, if_match=3)

    assert gateway.asked[0].headers["If-Match"] == '"3"'


def test_a_stream_comes_line_by_line():
    lines = b'{"seq":1,"event":"InstanceRequested"}\n\n{"event":"Heartbeat"}\n'
    gateway = Gateway(httpx.Response(200, content=lines))

    assert [line["event"] for line in client(gateway).stream("1", {"a": 1})] == ["InstanceRequested", "Heartbeat"]
    assert json.loads(gateway.asked[0].content) == {"input": {"a": 1}}


def test_a_wait_ends_with_the_run():
    gateway = Gateway(*(httpx.Response(200, json={"status": status}) for status in ("running", "completed")))

    assert client(gateway).wait("1")["status"] == "completed"


def test_a_refusal_carries_every_problem():
    errors = [
        {"pointer": "/nodes/0", "code": "x", "message": "First."},
        {"pointer": "", "code": "y", "message": "Second."},
    ]
    gateway = Gateway(problem(422, code="invalid", title="Invalid content", detail="2 problems.", errors=errors))

    with pytest.raises(ProblemError) as refused:
        client(gateway).create_blueprint({})

    assert refused.value.errors == (FieldProblem("/nodes/0", "x", "First."), FieldProblem("", "y", "Second."))
    assert str(refused.value).splitlines() == [
        "Invalid content (422 invalid): 2 problems.",
        "  /nodes/0  First.",
        "  /  Second.",
    ]
    assert refused.value.exit_code == 2


def test_a_stream_that_is_refused_is_refused():
    gateway = Gateway(problem(404, code="no_blueprint", detail="There is no such blueprint."))

    with pytest.raises(ProblemError, match="no such blueprint"):
        list(client(gateway).stream("1"))


def test_an_error_that_is_no_problem_document_still_says_what_it_was():
    gateway = Gateway(httpx.Response(502, text="<html>"))

    with pytest.raises(ProblemError, match=r"502.*Bad Gateway"):
        client(gateway).instance("1")


def test_not_ready_is_an_answer():
    gateway = Gateway(problem(503, detail="Nobody answers for: metrics."))

    assert client(gateway).readiness()["detail"] == "Nobody answers for: metrics."


def test_nobody_there_says_what_to_do():
    with pytest.raises(Unreachable, match="`headrace up`, or name another one with --url"):
        Headrace("http://127.0.0.1:9").instance("1")


def test_what_json_cannot_say_is_not_sent():
    with pytest.raises(Complaint, match="cannot be written as JSON"):
        client(Gateway()).execute("1", {"a": float("nan")})

"""One trace from the HTTP request through every service and node; without a collector nothing is recorded at all."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.api import Api
from tests.support.blueprints import chain, nap, step
from tests.support.databases import fetch
from tests.support.eventually import eventually
from tests.support.outside import Outside
from tests.support.stacks import Up, clean_environment

SAMPLED, UNSAMPLED = "01", "00"
ASK = step("ask", "model", model="gpt-4o-mini", prompt="Who?")
Spans = list[tuple[str, str]]

NO_SDK = """
import asyncio, sys
from importlib import import_module
from chassis.service import running
from chassis.settings import Settings
from chassis import telemetry

async def run(name):
    assert not telemetry.start_tracing(name)
    async with running(import_module(f"{name}.app").SERVICE, Settings.load()):
        pass

import gateway.app
asyncio.run(run(sys.argv[1]))
print(sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk")))
"""


def a_traceparent(flags: str = SAMPLED) -> tuple[str, dict[str, str]]:
    """A trace id, and the header of a client that is in that trace."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, {"traceparent": f"00-{trace_id}-{span_id}-{flags}"}


@pytest.fixture
def spans_of(outside: Outside) -> Callable[..., object]:
    """Waits until certain spans of a trace have arrived, and answers all of them."""

    async def arrived(trace_id: str, *wanted: tuple[str, str]) -> Spans:
        def all_there() -> Spans:
            found = outside.collector.spans(trace_id)
            assert set(wanted) <= set(found), found
            return found

        return await eventually(all_there)

    return arrived


async def test_a_request_is_one_trace_through_every_service_and_node(ada: Api, spans_of: Callable) -> None:
    blueprint = await ada.create(chain(step("tell"), ASK, nap("nap", 0.01)))
    trace_id, headers = a_traceparent()

    await ada.ask("POST", f"/blueprints/{blueprint['id']}/execute", json={}, headers=headers)

    await spans_of(
        trace_id,
        ("headrace-gateway", "POST /api/v2/blueprints/{id}/execute"),
        ("headrace-blueprint", "ResolveBlueprint"),
        ("headrace-execution", "ExecuteBlueprint"),
        ("headrace-execution", "node tool"),
        ("headrace-execution", "node model"),
    )


async def test_a_run_that_waited_wakes_up_in_the_trace_that_began_it(ada: Api, spans_of: Callable) -> None:
    blueprint = await ada.create(chain(step("wait", "delay", seconds=0.3), step("tell")))
    trace_id, headers = a_traceparent()

    answer = await ada.send("POST", f"/blueprints/{blueprint['id']}/execute?mode=async", json={}, headers=headers)
    await ada.ends(answer.json()["instance_id"])

    await spans_of(trace_id, ("headrace-execution", "node tool"))


async def test_the_provider_is_told_the_trace_too(ada: Api, outside: Outside) -> None:
    blueprint = await ada.create(chain(ASK))
    trace_id, headers = a_traceparent()

    run = await ada.ask("POST", f"/blueprints/{blueprint['id']}/execute", json={}, headers=headers)

    assert run["status"] == "completed", run["error"]
    assert outside.provider.asked[-1].headers["traceparent"].split("-")[1] == trace_id


async def test_every_fact_of_a_run_is_recorded_with_its_trace(stack: Up, ada: Api) -> None:
    blueprint = await ada.create(chain(step("tell"), step("wait", "delay", seconds=0.2), step("again")))
    trace_id, headers = a_traceparent(UNSAMPLED)

    answer = await ada.send("POST", f"/blueprints/{blueprint['id']}/execute?mode=async", json={}, headers=headers)
    instance_id = answer.json()["instance_id"]
    await ada.ends(instance_id)

    rows = await fetch(stack, "execution", "SELECT topic, metadata FROM events WHERE originator_id = $1", instance_id)
    strangers = [topic for topic, metadata in rows if trace_id.encode() not in metadata]
    assert strangers == []


async def test_what_is_not_sampled_is_not_recorded(ada: Api, outside: Outside, spans_of: Callable) -> None:
    blueprint = await ada.create(chain(step("tell")))
    unsampled, headers = a_traceparent(UNSAMPLED)
    sampled, other_headers = a_traceparent()

    for asked in (headers, {}, other_headers):
        await ada.ask("POST", f"/blueprints/{blueprint['id']}/execute", json={}, headers=asked)
    await spans_of(sampled, ("headrace-gateway", "POST /api/v2/blueprints/{id}/execute"))

    assert unsampled not in outside.collector.traces()


@pytest.mark.parametrize("service", ["blueprint", "execution", "metrics", "access"])
def test_a_service_that_exports_nothing_never_loads_the_sdk(stack: Up, nats_url: str, service: str) -> None:
    environment = clean_environment(
        HEADRACE_NATS_URL=nats_url,
        HEADRACE_POSTGRES_DSN=stack.state["postgres_dsns"][service],
        HEADRACE_NAMESPACE=f"apart{os.getpid()}",
    )

    done = subprocess.run(
        [sys.executable, "-c", NO_SDK, service], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"

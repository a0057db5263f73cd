"""What operators see: health, metrics of the whole house, traces, and a process that leaves in good order."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis import telemetry
from contracts.execution import ExecuteBlueprint
from gateway.gathering import NEEDED, Reply, merged
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, execution, resolves

LIST = "/api/v2/blueprints"
PAGE = b'{"items":[],"next_cursor":null}'
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RSS_BYTES_MAX = 100 * 1024 * 1024


async def test_alive_needs_nobody(nobody: httpx.AsyncClient):
    assert (await nobody.get("/health/live")).json() == {"status": "live"}


async def test_ready_needs_every_service(nobody: httpx.AsyncClient, house: FakeHouse):
    for service in NEEDED:
        await house.answer_ops(service)

    answer = await nobody.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "services": dict.fromkeys(NEEDED, "ready")}


async def test_not_ready_names_who_is_missing(nobody: httpx.AsyncClient, house: FakeHouse):
    await house.answer_ops("blueprint")
    await house.answer_ops("metrics", ready=False)

    answer = await nobody.get("/health/ready")

    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.json()["detail"] == "Nobody answers for: execution, metrics, access."
    assert answer.headers["retry-after"] == "1"


async def test_one_ready_process_of_a_service_is_enough(nobody: httpx.AsyncClient, house: FakeHouse):
    for service in (*NEEDED, "execution"):
        await house.answer_ops(service, ready=service != "metrics")
    await house.answer_ops("metrics")

    assert (await nobody.get("/health/ready")).status_code == 200


async def test_metrics_are_of_the_whole_house(nobody: httpx.AsyncClient, house: FakeHouse):
    page = "# HELP work_total Work done\n# TYPE work_total counter\nwork_total 3.0\n"
    await house.answer_ops("execution", page, "11")
    await house.answer_ops("execution", page, "12")

    answer = await nobody.get("/metrics")

    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.text.count("# TYPE work_total counter") == 1
    assert {(sample.labels["service"], sample.labels["pid"]) for sample in families["work"].samples} == {
        ("execution", "11"),
        ("execution", "12"),
    }
    own = families["headrace_http_requests"].samples
    assert {(sample.labels["service"], sample.labels["pid"]) for sample in own} == {("gateway", str(os.getpid()))}


def test_histograms_of_two_processes_stay_apart():
    page = (
        b'# HELP t Time\n# TYPE t histogram\nt_bucket{le="1.0"} 1.0\nt_bucket{le="+Inf"} 2.0\nt_count 2.0\nt_sum 3.5\n'
    )

    text = merged([Reply("a", "1", page), Reply("b", "2", page)]).decode()

    assert 't_bucket{le="1.0",pid="1",service="a"} 1.0' in text
    assert 't_sum{pid="2",service="b"} 3.5' in text


async def test_requests_are_counted_by_route_not_by_path(ada: httpx.AsyncClient):
    await ada.get(f"{LIST}/{BLUEPRINT_ID}")
    await ada.get("/somewhere/else")

    text = telemetry.render_metrics().decode()

    assert re.search(r'requests_total\{method="GET",route="/api/v2/blueprints/\{id\}",status="503"\}', text)
    assert re.search(r'requests_total\{method="GET",route="none",status="404"\}', text)
    assert str(BLUEPRINT_ID) not in text


class Recorded:
    """A span that a test can look at."""

    def __init__(self, name: str, parent: str | None, attributes: Mapping[str, Any]) -> None:
        self.name, self.parent, self.attributes = name, parent, dict(attributes)
        self.traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
        self.ended = False

    def set(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def end(self, error: BaseException | None) -> None:
        self.ended = True


class Recorder(list[Recorded]):
    """Keeps every span."""

    def start(self, name: str, parent: str | None, attributes: Mapping[str, Any]) -> Recorded:
        self.append(Recorded(name, parent, attributes))
        return self[-1]

    def close(self) -> None:
        self.clear()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    telemetry.use_recorder(recorder)
    yield recorder
    telemetry.use_recorder(None)


async def test_a_request_is_one_span_and_its_trace_rides_on(
    ada: httpx.AsyncClient, house: FakeHouse, recorder: Recorder
):
    await resolves(house)
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))

    await ada.post(f"{LIST}/{BLUEPRINT_ID}/execute", json={}, headers={"traceparent": TRACEPARENT})

    (span,) = recorder
    assert (span.name, span.parent) == ("POST /api/v2/blueprints/{id}/execute", TRACEPARENT)
    assert span.attributes["http.response.status_code"] == 200
    assert span.ended
    assert [headers["traceparent"] for headers in house.headers] == [span.traceparent] * 2


@pytest.mark.parametrize("header", ["nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACEPARENT + "-x"])
async def test_a_trace_that_is_none_is_not_joined(ada: httpx.AsyncClient, recorder: Recorder, header: str):
    await ada.get(LIST, headers={"traceparent": header})

    assert recorder[0].parent is None

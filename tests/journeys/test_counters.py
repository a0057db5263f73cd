"""One page of metrics for the whole house, in Prometheus' words, each number labelled with where it comes from."""

from prometheus_client.parser import text_string_to_metric_families

from tests.infra.watching import expressions
from tests.support.api import Api
from tests.support.blueprints import chain, step
from tests.support.eventually import eventually
from tests.support.stacks import Up

EXECUTE = "/api/v2/blueprints/{id}/execute"
Sample = tuple[str, frozenset[tuple[str, str]]]


async def counters(api: Api) -> dict[Sample, float]:
    """Every sample of the page by name and labels."""
    page = await api.http.get("/metrics")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def total(found: dict[Sample, float], metric: str, **labels: str) -> float:
    """The sum over all samples of that name with these labels."""
    return sum(value for (known, given), value in found.items() if known == metric and labels.items() <= set(given))


async def test_the_page_shows_what_every_service_did(stack: Up, ada: Api) -> None:
    blueprint = await ada.create(chain(step("tell")))
    before = await counters(ada)

    for _ in range(3):
        await ada.execute(blueprint)

    async def counted() -> bool:
        after = await counters(ada)

        def grew(metric: str, **labels: str) -> float:
            return total(after, metric, **labels) - total(before, metric, **labels)

        assert grew("headrace_http_requests_total", service="gateway", route=EXECUTE, status="200") == 3
        assert grew("headrace_requests_total", service="blueprint", name="ResolveBlueprint") == 3
        assert grew("headrace_requests_total", service="execution", name="ExecuteBlueprint", outcome="answered") == 3
        assert grew("headrace_relay_published_total", service="execution") >= 9
        assert grew("headrace_projected_total", service="execution", projection="instances") >= 9
        assert grew("headrace_projected_total", service="metrics", projection="executions") >= 3
        return True

    await eventually(counted)


async def test_the_page_has_what_dashboards_and_alerts_ask_for(stack: Up, ada: Api) -> None:
    await ada.execute(await ada.create(chain(step("tell"))))
    asked = {name for expression in expressions() for name in expression.metrics()} - {"up"}

    async def shown() -> bool:
        page = (await ada.http.get("/metrics")).text
        families = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}
        assert {name for name in asked if not any(name.startswith(family) for family in families)} == set()
        return True

    # What is measured, and not counted as it happens, shows after the first reading.
    await eventually(shown)


async def test_every_sample_names_its_service_and_process(stack: Up, ada: Api) -> None:
    found = await counters(ada)

    named = {(dict(labels).get("service"), dict(labels).get("pid")) for _, labels in found}

    processes = stack.state["processes"]
    services = ("blueprint", "execution", "metrics", "access", "gateway")
    assert {(service, str(processes[service])) for service in services} <= named
    assert all(pid for _, pid in named)

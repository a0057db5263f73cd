"""What people watch exists: dashboards and alerts name metrics that are exported, by labels that they have."""

import json
import runpy

import pytest
import yaml

from headrace.services import SERVICES
from tests.infra import watching
from tests.infra.compose import INFRA

EXPRESSIONS = list(watching.expressions())
ALERTS = watching.alerts()


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    return watching.exported()


def test_the_dashboards_are_what_their_program_writes():
    program = runpy.run_path(str(INFRA / "grafana/dashboards.py"))

    assert {path: path.read_text() for path in program["files"]()} == program["files"]()
    assert {path.name for path in program["files"]()} == {path.name for path in (INFRA / "grafana").glob("*.json")}


def test_there_are_queries_to_look_at():
    assert len(EXPRESSIONS) > 50


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda one: one.place)
def test_a_query_is_well_formed(expression: watching.Expression):
    depth = 0
    tokens = expression.tokens()
    for kind, text in tokens:
        depth += {"(": 1, ")": -1}.get(text, 0) if kind == "bracket" else 0
        assert depth >= 0
    assert depth == 0
    ranges = [place for place, (kind, _) in enumerate(tokens) if kind == "range"]
    assert len(ranges) == sum(text in {"rate", "increase"} for _, text in tokens)
    assert all(tokens[place - 1][0] in {"word", "matchers"} for place in ranges)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda one: one.place)
def test_a_query_names_what_is_exported(expression: watching.Expression, exported: dict[str, set[str]]):
    metrics = expression.metrics()
    known = set(exported) | watching.PROMETHEUS_OWN

    assert metrics
    assert metrics - known == set()
    labels = {label for name in metrics for label in exported.get(name, ())} | watching.ADDED_BY_SCRAPING
    assert expression.labels() - labels == set()


@pytest.mark.parametrize("metric", ["headrace_instance_facts", "headrace_requests", "headrace_model_tokens"])
def test_a_rate_is_of_what_only_grows(metric: str):
    assert not any(f"({metric}[" in expression.text for expression in EXPRESSIONS)


class TestAlerts:
    @pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
    def test_says_what_it_means_and_where_to_look(self, alert: dict):
        assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "description"}
        assert alert["annotations"]["description"].endswith((".", "?"))

    def test_each_has_a_name_of_its_own(self):
        names = [alert["alert"] for alert in ALERTS]

        assert len(set(names)) == len(names)


def test_prometheus_scrapes_every_service_and_reads_the_alerts():
    configuration = yaml.safe_load((INFRA / "prometheus/prometheus.yml").read_text())
    scraped = configuration["scrape_configs"][0]["dns_sd_configs"][0]

    assert set(scraped["names"]) == set(SERVICES)
    assert [(INFRA / "prometheus" / name).is_file() for name in configuration["rule_files"]] == [True]


def test_the_collector_uses_what_it_declares():
    configuration = yaml.safe_load((INFRA / "otel/collector.yaml").read_text())

    for pipeline in configuration["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(configuration[kind])
    assert set(configuration["service"]["extensions"]) == set(configuration["extensions"])


def test_a_dashboard_fits_on_its_page():
    for path in (INFRA / "grafana").glob("*.json"):
        places = [panel["gridPos"] for panel in json.loads(path.read_text())["panels"]]
        taken = [(place["x"], place["y"]) for place in places]

        assert len(set(taken)) == len(taken)
        assert all(place["x"] + place["w"] <= 24 for place in places)

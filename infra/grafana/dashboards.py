"""The Grafana dashboards as data: `python infra/grafana/dashboards.py` writes their JSON beside this file."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WIDTH, HEIGHT, COLUMNS = 8, 8, 24
SCHEMA_VERSION = 39
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """One picture: what it answers, in which unit, and the queries with the name of each line."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    says: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A page of panels, in rows with a heading each."""

    uid: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def quantile(q: float, metric: str, by: str = "") -> str:
    """A quantile of a histogram over all processes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """How often per second, summed over all processes."""
    grouped = f"sum by ({by}) " if by else "sum "
    return f"{grouped}(rate({metric}{where}[$__rate_interval]))"


REQUESTS = "headrace_http_requests_total"
FAILED_SHARE = rate(REQUESTS, where='{status=~"5.."}') + " / " + rate(REQUESTS)
VISIT_SECONDS = quantile(0.95, "headrace_node_seconds", "node_type")
AUDIT_LOST = "sum(increase(headrace_audit_lost_total[1h]))"
FULLNESS = "max by (stream) (headrace_stream_bytes) / (max by (stream) (headrace_stream_bytes_max) > 0)"

OVERVIEW = Dashboard(
    "headrace-overview",
    "Headrace: overview",
    (
        (
            "Executions",
            (
                Panel(
                    "Begun and ended",
                    "ops",
                    (
                        (rate("headrace_instance_facts_total", where='{event="InstanceRequested"}'), "begun"),
                        (rate("headrace_instances_ended_total", "outcome"), "{{outcome}}"),
                    ),
                ),
                Panel(
                    "Open",
                    "short",
                    (("sum by (status) (headrace_instances_open)", "{{status}}"),),
                    says="Running ones hold a slot, waiting ones cost a row.",
                ),
                Panel(
                    "From start to end",
                    "s",
                    (
                        (quantile(0.5, "headrace_instance_seconds"), "median"),
                        (quantile(0.95, "headrace_instance_seconds"), "95 %"),
                        (quantile(0.99, "headrace_instance_seconds"), "99 %"),
                    ),
                ),
            ),
        ),
        (
            "The door",
            (
                Panel("Requests", "reqps", ((rate("headrace_http_requests_total", "status"), "{{status}}"),)),
                Panel(
                    "Time to answer",
                    "s",
                    (
                        (quantile(0.5, "headrace_http_request_seconds"), "median"),
                        (quantile(0.95, "headrace_http_request_seconds"), "95 %"),
                        (quantile(0.95, "headrace_http_request_seconds", "route"), "95 % {{route}}"),
                    ),
                ),
                Panel("Server errors", "percentunit", ((FAILED_SHARE, "of all requests"),), says="1 % wakes somebody."),
            ),
        ),
        (
            "Nodes and models",
            (
                Panel("Visits", "ops", ((rate("headrace_node_seconds_count", "node_type"), "{{node_type}}"),)),
                Panel(
                    "Failed attempts",
                    "ops",
                    ((rate("headrace_node_failures_total", "node_type, error_type"), "{{node_type}} {{error_type}}"),),
                ),
                Panel("Time of a visit, 95 %", "s", ((VISIT_SECONDS, "{{node_type}}"),)),
                Panel("Tokens", "short", ((rate("headrace_model_tokens_total", "kind"), "{{kind}} a second"),)),
                Panel(
                    "Cost of the last hour",
                    "currencyUSD",
                    (
                        ("sum(increase(headrace_model_cost_usd_total[1h]))", "spent"),
                        ("sum(increase(headrace_cache_saved_cost_usd_total[1h]))", "saved by caching"),
                    ),
                ),
                Panel(
                    "What memory said",
                    "ops",
                    ((rate("headrace_cache_questions_total", "of, answer"), "{{of}} {{answer}}"),),
                ),
            ),
        ),
    ),
)

OPERATIONS = Dashboard(
    "headrace-operations",
    "Headrace: operations",
    (
        (
            "Is everything there",
            (
                Panel("Processes", "short", (("count by (service) (headrace_postgres_up)", "{{service}}"),), "stat"),
                Panel(
                    "Postgres answers", "bool", (("min by (service) (headrace_postgres_up)", "{{service}}"),), "stat"
                ),
                Panel("NATS is connected", "bool", (("min by (service) (headrace_bus_up)", "{{service}}"),), "stat"),
            ),
        ),
        (
            "Delivery",
            (
                Panel("Relay: not yet published", "short", (("max by (service) (headrace_relay_lag)", "{{service}}"),)),
                Panel("Published", "ops", ((rate("headrace_relay_published_total", "service"), "{{service}}"),)),
                Panel(
                    "Projections: not yet in the rows",
                    "short",
                    (("max by (projection) (headrace_projection_lag)", "{{projection}}"),),
                ),
                Panel("Folded", "ops", ((rate("headrace_projected_total", "projection"), "{{projection}}"),)),
                Panel(
                    "Dead letters",
                    "short",
                    (
                        ("max by (service) (headrace_dead_letters_kept)", "{{service}} kept"),
                        (
                            "sum by (projection) (increase(headrace_dead_letters_total[1h]))",
                            "{{projection}} in the last hour",
                        ),
                    ),
                ),
                Panel(
                    "Streams",
                    "percentunit",
                    ((FULLNESS, "{{stream}}"),),
                    says="Of what a stream may keep; a full one drops its oldest messages, which owners replay.",
                ),
            ),
        ),
        (
            "Work",
            (
                Panel(
                    "Waiting for a worker",
                    "short",
                    (("max by (kind) (headrace_work_pending)", "{{kind}}"),),
                    says="What the number of execution processes is scaled on.",
                ),
                Panel(
                    "Slots in use",
                    "percentunit",
                    (("sum(headrace_worker_runs) / sum(headrace_worker_slots)", "of all workers"),),
                ),
                Panel(
                    "Stuck and put back",
                    "short",
                    (
                        ("max(headrace_instances_stuck)", "stuck"),
                        ("sum by (reason) (increase(headrace_work_republished_total[5m]))", "put back: {{reason}}"),
                    ),
                ),
            ),
        ),
        (
            "Requests between services",
            (
                Panel("Answered", "reqps", ((rate("headrace_requests_total", "name"), "{{name}}"),)),
                Panel(
                    "Refused",
                    "reqps",
                    (
                        (
                            rate("headrace_requests_total", "name, outcome", '{outcome!="answered"}'),
                            "{{name}} {{outcome}}",
                        ),
                    ),
                ),
                Panel("Time to answer, 95 %", "s", ((quantile(0.95, "headrace_request_seconds", "name"), "{{name}}"),)),
                Panel(
                    "Refused by NATS for want of a right",
                    "short",
                    (("sum by (service) (increase(headrace_bus_forbidden_total[5m]))", "{{service}}"),),
                    says="Never in health: a service says something that is not its own.",
                ),
                Panel(
                    "Audit entries not recorded yet",
                    "short",
                    (
                        ("sum(headrace_audit_waiting)", "waiting"),
                        ("sum(increase(headrace_audit_lost_total[1h]))", "lost"),
                    ),
                ),
                Panel("HTTP requests in flight", "short", (("sum(headrace_http_requests_in_flight)", "all gateways"),)),
            ),
        ),
    ),
)

DASHBOARDS = (OVERVIEW, OPERATIONS)


def model(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard in Grafana's own JSON."""
    panels: list[dict[str, Any]] = []
    y = 0
    for heading, row in dashboard.rows:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": heading,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            }
        )
        y += 1
        for place, panel in enumerate(row):
            x = place * WIDTH % COLUMNS
            panels.append(_panel(panel, len(panels) + 1, x, y + place * WIDTH // COLUMNS * HEIGHT))
        y += -(-len(row) * WIDTH // COLUMNS) * HEIGHT
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["headrace"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + place), "expr": query, "legendFormat": name, "datasource": SOURCE}
        for place, (query, name) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def files() -> dict[Path, str]:
    """Every dashboard's file and what stands in it."""
    return {HERE / f"{one.uid}.json": json.dumps(model(one), indent=2) + "\n" for one in DASHBOARDS}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}\n")

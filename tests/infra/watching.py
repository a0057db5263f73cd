"""What dashboards and alerts ask Prometheus for, and what the processes of the house export."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from chassis.telemetry import REGISTRY
from tests.infra.compose import INFRA

FUNCTIONS = {"rate", "increase", "sum", "max", "min", "count", "histogram_quantile"}
WORDS = {"by", "and", "or"}
PROMETHEUS_OWN = {"up"}
ADDED_BY_SCRAPING = {"service", "pid", "job", "instance", "le"}
"""Labels that a sample has beside those it was exported with."""
TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<range>\[(?:\d+[smhd]|\$__rate_interval)\])|(?P<word>[a-z_][a-z0-9_]*)|(?P<number>\d+(?:\.\d+)?)
    |(?P<matchers>\{[^{}]*\})|(?P<operator>==|>=|<=|[-+*/<>])|(?P<bracket>[(),])""",
    re.VERBOSE,
)
SERVICES = ("access", "blueprint", "execution", "gateway", "metrics")


@dataclass(frozen=True)
class Expression:
    """One query, and who asks it."""

    place: str
    text: str

    def tokens(self) -> list[tuple[str, str]]:
        """Its words and signs; raises `ValueError` at what PromQL has no use for."""
        found: list[tuple[str, str]] = []
        position = 0
        while position < len(self.text):
            token = TOKEN.match(self.text, position)
            if token is None:
                raise ValueError(f"{self.place}: {self.text[position:]!r}")
            position = token.end()
            if token.lastgroup != "space":
                found.append((str(token.lastgroup), token[0]))
        return found

    def metrics(self) -> set[str]:
        """The metrics it names."""
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", self.text))))
        words = {text for kind, text in self.tokens() if kind == "word"}
        return words - FUNCTIONS - WORDS - grouped

    def labels(self) -> set[str]:
        """The labels it groups or selects by."""
        grouped = " ".join(re.findall(r"\bby \(([^)]*)\)", self.text))
        return set(re.findall(r"\w+", grouped)) | set(re.findall(r"(\w+)[!=]~?=?\"", self.text))


def expressions() -> Iterator[Expression]:
    """Every query of every dashboard and alert."""
    for path in sorted((INFRA / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield Expression(f"{path.name}: {panel['title']}", target["expr"])
    for alert in alerts():
        yield Expression(alert["alert"], alert["expr"])


def alerts() -> list[dict]:
    """Every alert."""
    groups = yaml.safe_load((INFRA / "prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def exported() -> dict[str, set[str]]:
    """Every name that a process of the house can export, with the labels it gives."""
    for service in SERVICES:
        package = importlib.import_module(service)
        for module in pkgutil.walk_packages(package.__path__, f"{service}."):
            importlib.import_module(module.name)
    named = REGISTRY._names_to_collectors  # noqa: SLF001 - the library tells names and labels nowhere else
    return {name: set(getattr(collector, "_labelnames", ())) for name, collector in named.items()}

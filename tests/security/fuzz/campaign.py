"""Schemathesis against a stack that runs: what was sent, what was answered, what the interface did not promise."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

SETTINGS = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sys.executable).with_name("st")
ALL_PHASES = ("examples", "coverage", "fuzzing", "stateful")
SERVER_ERROR = 500
TURNED_AWAY = ("401", "429")
TURNED_AWAY_SHARE_MAX = 0.5
"""Each request that succeeds is sent again twice, without a token and with a bad one."""


@dataclass
class Told:
    """What came of some rounds."""

    answers: Counter[str] = field(default_factory=Counter)
    """Status -> how many requests were answered with it, as the gateway has counted them."""
    findings: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """All of them."""
        return self.answers.total()

    def add(self, other: "Told") -> None:
        """Take another round in."""
        self.answers.update(other.answers)
        self.findings += other.findings

    def lines(self) -> list[str]:
        """For people."""
        by_status = "  ".join(f"{status}: {count:,}" for status, count in sorted(self.answers.items()))
        return [f"requests {self.requests:,}", f"by status {by_status}", f"findings {len(self.findings)}"]


@dataclass(frozen=True)
class Round:
    """One run of schemathesis; the same seed sends the same requests."""

    seed: int
    examples: int
    """How many of each endpoint, and how many walks along the links."""
    phases: tuple[str, ...] = ALL_PHASES

    def against(self, url: str, token: str, folder: Path) -> Told:
        """Do it, with what it writes in `folder`; a run that does not come to its end is a finding too."""
        before, report = answers_of(url), folder / f"round-{self.seed}.json"
        command = self._command(url, token, report)
        ended = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        (folder / f"round-{self.seed}.txt").write_text(ended.stdout + ended.stderr)
        told = Told(answers_of(url) - before, _findings(report, ended.stdout))
        told.findings += [
            f"{count} × {status}" for status, count in told.answers.items() if int(status) >= SERVER_ERROR
        ]
        if (left := sum(told.answers[status] for status in TURNED_AWAY)) > told.requests * TURNED_AWAY_SHARE_MAX:
            told.findings.append(f"{left} of {told.requests} requests were turned away at the door: nothing was tried")
        return told

    def _command(self, url: str, token: str, report: Path) -> list[str]:
        return [
            *(str(PROGRAM), "--config-file", str(SETTINGS), "run", f"{url}/openapi.json", "--no-color"),
            *("--header", f"Authorization: Bearer {token}", "--phases", ",".join(self.phases)),
            *("--seed", str(self.seed), "--max-examples", str(self.examples)),
            *("--report", "json", "--report-json-path", str(report)),
        ]


def answers_of(url: str) -> Counter[str]:
    """How the gateway has answered until now, by status; its probes and pages are left out."""
    metrics = httpx.get(f"{url}/metrics", timeout=30).text
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            labels = sample.labels
            if sample.name == "headrace_http_requests_total" and labels["route"].startswith("/api/"):
                found[labels["status"]] += int(sample.value)
    return found


def _findings(report: Path, said: str) -> list[str]:
    if not report.exists():
        return [f"schemathesis did not come to its end: {said[-2_000:]}"]
    told = json.loads(report.read_text())
    found = [f"{one['title']} ({one['code']}): {', '.join(one['operations'])}" for one in told["failures"]]
    found += [f"error: {json.dumps(error)[:500]}" for error in told["errors"]]
    return found if told["complete"] else [*found, f"cut short: {told['stop_reason']}"]

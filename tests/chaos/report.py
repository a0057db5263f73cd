"""Says how it went, and keeps what is needed to find out why it went wrong."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.checker import LOST, REPEATED, Violation
from tests.chaos.history import executions
from tests.chaos.storm import Storm

SHOWN = 20
FAILURES = "headrace-chaos"


def summary(storm: Storm, found: Sequence[Violation]) -> str:
    """The counts of one storm, and its verdict."""
    evidence, weather = storm.evidence, storm.weather
    begun = {told.instance_id for told in executions(evidence.told) if told.accepted and told.instance_id}
    ends = Counter(evidence.end_of(instance_id) for instance_id in evidence.runs)
    waiting = ends.pop(None, 0)
    keys = Counter(effect.key for effect in evidence.effects)
    lost = sum(violation.invariant in LOST for violation in found)
    repeated = sum(violation.invariant in REPEATED for violation in found)
    violated = Counter(violation.invariant for violation in found)
    told = ", ".join(f"{status} {count}" for status, count in sorted(ends.items(), key=str))
    lines = [
        f"seed {weather.seed}{', three NATS servers' if weather.cluster else ''}",
        f"faults injected {storm.nemesis.injected.total()}: {_counts(storm.nemesis.injected)}",
        *(f"not run: {name}: {why}" for name, why in sorted(storm.nemesis.not_run.items())),
        f"executions accepted {len(begun)}, recorded {len(evidence.runs)}: {told}, waiting {waiting}",
        f"effects {len(evidence.effects)}, repeated with the same key {sum(n - 1 for n in keys.values())}",
        f"facts {len(evidence.facts)}, heard {sum(map(len, evidence.heard.values()))}",
        f"lost {lost}, repeated {repeated}, violations {len(found)}",
        *(f"violated: {name} {count}" for name, count in sorted(violated.items())),
        *(f"  {violation}" for violation in found[:SHOWN]),
        "PASSED" if not found else "FAILED",
    ]
    return "\n".join(lines)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


def keep(storm: Storm, found: Sequence[Violation], text: str) -> Path:
    """A folder with the history, the outside ledger, the logs and the seed of a storm that did harm."""
    folder = Path(FAILURES) / f"seed-{storm.weather.seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    storm.history.write(folder / "history.ndjson")
    (folder / "report.txt").write_text(text + "\n")
    (folder / "violations.txt").write_text("\n".join(map(str, found)) + "\n")
    shutil.copytree(storm.folder / "logs", folder / "logs", dirs_exist_ok=True)
    for file in storm.folder.glob("*.ndjson"):
        shutil.copy(file, folder)
    return folder

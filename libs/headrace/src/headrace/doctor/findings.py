"""What an examination finds: a level, a sentence, and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warn", "fail"]

LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")
"""From good to bad; the place of the worst finding is the exit status."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do about it; empty where all is well."""

    check: str
    level: Level
    sentence: str
    advice: str = ""


def ok(check: str, sentence: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", sentence)


def warn(check: str, sentence: str, advice: str) -> Finding:
    """It works, and somebody should look at it."""
    return Finding(check, "warn", sentence, advice)


def fail(check: str, sentence: str, advice: str) -> Finding:
    """It does not work, or endangers what was accepted."""
    return Finding(check, "fail", sentence, advice)


def worst(findings: Iterable[Finding]) -> Level:
    """The most serious level among them."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")


def report(findings: Iterable[Finding]) -> dict[str, Any]:
    """The examination as JSON."""
    found = list(findings)
    return {"level": worst(found), "findings": [asdict(finding) for finding in found]}


def lines(finding: Finding) -> list[str]:
    """The finding for a terminal."""
    told = [f"{finding.level:<4}  {finding.check:<18} {finding.sentence}"]
    return [*told, f"{'':<24} → {finding.advice}"] if finding.advice else told

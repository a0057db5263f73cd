"""The doctor's judgements, on facts alone."""

from dataclasses import replace

import pytest

from headrace.doctor import configuration, databases, instances, keeping_up, orphans, processes, streams
from headrace.doctor.configuration import Configuration
from headrace.doctor.databases import DatabaseFacts, DiskFacts
from headrace.doctor.findings import Finding, lines, ok, report, warn, worst
from headrace.doctor.instances import InstanceFacts
from headrace.doctor.keeping_up import LetterFacts, ProjectionFacts, RelayFacts
from headrace.doctor.orphans import OrphanFacts
from headrace.doctor.processes import GatewayFacts, ProcessFacts
from headrace.doctor.streams import ConsumerFacts, NatsFacts, StreamFacts

SECRET = "7f" * 32
SEALING = "q1Yk0gN3b6F2o4vO8mE5r1cX9tZ7hJ2uL0wS6dP4aBc="
SOUND = Configuration(embedded=False, production=True, jwt_secret=SECRET, sealing_key=SEALING)
ON = {
    "server_version_num": "180000",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
}
POSTGRES = DatabaseFacts("execution", settings=ON, connections=10)
STREAM = StreamFacts("HEADRACE_EXECUTION", is_events=True, there=True, wanted_age=604_800, age=604_800)
NATS = NatsFacts(version="2.12.1", streams=(STREAM,))
PROCESS = ProcessFacts("execution", 1, "0.1.0", ready=True)
SERVICES = ("execution",)


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    """Check and level of what is not well."""
    assert all(bool(finding.advice) == (finding.level != "ok") for finding in findings), "who worries says what to do"
    return [(finding.check, finding.level) for finding in findings if finding.level != "ok"]


def test_the_worst_finding_decides():
    found = [ok("a", "Fine."), warn("b", "Hm.", "Look.")]

    assert worst([]) == "ok"
    assert worst(found) == "warn"
    assert report(found)["level"] == "warn"
    assert lines(found[1]) == [f"warn  {'b':<18} Hm.", f"{'':<24} → Look."]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        ({"trouble": "HEADRACE_SLOTS=0 cannot be used"}, [("configuration", "fail")]),
        ({"jwt_secret": "short"}, [("signing key", "fail")]),
        ({"jwt_secret": "short", "production": False}, [("signing key", "warn")]),
        ({"jwt_secret": "change-me-to-something-that-nobody-knows"}, [("signing key", "fail")]),
        ({"jwt_secret": None}, [("signing key", "warn")]),
        ({"jwt_secret": None, "jwks": True}, []),
        ({"sealing_key": None}, [("sealing key", "warn")]),
        ({"sealing_key": "c2hvcnQ="}, [("sealing key", "fail")]),
        ({"sealing_key": "é"}, [("sealing key", "fail")]),
        ({"open_files": ("secrets.json",)}, [("secret files", "fail")]),
    ],
)
def test_settings(changed, wanted):
    assert said(list(configuration.judge(replace(SOUND, **changed)))) == wanted


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        ({"settings": None, "trouble": "no"}, [("postgres", "fail")]),
        ({"settings": ON | {"server_version_num": "140009"}}, [("postgres version", "fail")]),
        *(({"settings": ON | {name: "off"}}, [("durability", "fail")]) for name in databases.DANGEROUS),
        ({"settings": ON | {"synchronous_commit": "remote_apply"}}, []),
        ({"connections": 95}, [("connections", "warn")]),
        ({"skew_seconds": -3.0}, [("clock", "warn")]),
        ({"skew_seconds": 60.0}, [("clock", "fail")]),
        ({"schema_trouble": "schema 'execution' lacks 0009"}, [("schema", "fail")]),
    ],
)
def test_a_database(changed, wanted):
    assert said(list(databases.judge([replace(POSTGRES, **changed)]))) == wanted


@pytest.mark.parametrize(("free", "level"), [(50 << 30, "ok"), (8 << 30, "warn"), (1 << 30, "fail"), (1 << 20, "fail")])
def test_a_disk(free, level):
    assert databases.judge_disk(DiskFacts("here", 100 << 30, free)).level == level


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        ({"there": False}, [("streams", "fail")]),
        ({"age": 3600.0}, [("streams", "warn")]),
        ({"age": 0.0}, []),
        ({"wanted_bytes": 2, "bytes_max": 1}, [("streams", "warn")]),
        ({"wanted_bytes": 2, "bytes_max": -1}, []),
        ({"retention_fits": False}, [("streams", "fail")]),
        ({"on_disk": False}, [("streams", "warn")]),
        ({"discards_old": False}, [("streams", "fail")]),
        ({"sealed": True}, [("streams", "fail")]),
        ({"missing_subjects": ("a.>",)}, [("streams", "fail")]),
        ({"borrowed": True}, [("foreign messages", "fail")]),
        ({"last_is_ours": False}, [("foreign messages", "fail")]),
        ({"consumers": (ConsumerFacts("slow", 6_000, 0),)}, [("consumers", "warn")]),
        ({"consumers": (ConsumerFacts("dying", 0, 2_000),)}, [("consumers", "warn")]),
    ],
)
def test_a_stream(changed, wanted):
    assert said(list(streams.judge(NatsFacts(version="2.12.1", streams=(replace(STREAM, **changed),))))) == wanted


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        ({"trouble": "nobody there"}, [("nats", "fail")]),
        ({"version": "2.9.25"}, [("nats version", "fail")]),
        ({"jetstream": False}, [("nats", "fail")]),
        ({"clustered": True}, [("streams", "warn")]),
    ],
)
def test_nats(changed, wanted):
    assert said(list(streams.judge(replace(NATS, **changed)))) == wanted


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([PROCESS], []),
        ([], [("processes", "fail")]),
        ([replace(PROCESS, ready=False)], [("processes", "fail")]),
        ([PROCESS, replace(PROCESS, version="0.2.0")], [("versions", "warn")]),
        ([replace(PROCESS, stopped=(("instances", "too old"),))], [("version skew", "fail")]),
        ([replace(PROCESS, stopped=(("it", "too old"),)), replace(PROCESS, leads=frozenset({"it"}))], []),
    ],
)
def test_processes(found, wanted):
    assert said(list(processes.judge(found, SERVICES))) == wanted


def test_the_gateway():
    assert processes.judge_gateway(GatewayFacts("http://x", ready=True)).level == "ok"
    assert processes.judge_gateway(GatewayFacts("http://x", ready=False, reason="away")).level == "fail"


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (RelayFacts("execution", 9, 9, 0), "ok"),
        (RelayFacts("execution", 9, 5, 4), "ok"),
        (RelayFacts("execution", 9, 5, 4, led=False), "fail"),
        (RelayFacts("execution", 90_000, 0, 90_000), "warn"),
        (RelayFacts("execution", 5, 9, 0), "fail"),
    ],
)
def test_a_relay(found, level):
    assert keeping_up.judge_relay(found).level == level


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (ProjectionFacts("execution", "instances", 9, 9, 0), "ok"),
        (ProjectionFacts("execution", "instances", 5, 9, 4, still_seconds=1), "ok"),
        (ProjectionFacts("execution", "instances", 5, 9, 4, still_seconds=20), "warn"),
        (ProjectionFacts("execution", "instances", 5, 9, 4, still_seconds=600), "fail"),
        (ProjectionFacts("execution", "instances", 0, 90_000, 90_000), "warn"),
        (ProjectionFacts("execution", "instances", 9, 5, 0), "fail"),
    ],
)
def test_a_projection(found, level):
    assert keeping_up.judge_projection(found).level == level


@pytest.mark.parametrize(
    ("facts", "foreign", "wanted"),
    [(0, 0, []), (2, 0, [("dead letters", "warn")]), (0, 1, [("foreign messages", "fail")])],
)
def test_dead_letters(facts, foreign, wanted):
    assert said(list(keeping_up.judge_letters([LetterFacts("metrics", facts, foreign)]))) == wanted


@pytest.mark.parametrize(
    ("kind", "level"),
    [("without_worker", "fail"), ("overdue", "fail"), ("unclaimed", "warn"), ("claimed_again", "fail")],
)
def test_instances_that_are_stuck(kind, level):
    many = frozenset(f"id {number}" for number in range(5))

    findings = list(instances.judge(InstanceFacts(**{kind: many})))

    assert said(findings) == [("stuck instances", level)]
    assert "5 instances (id 0, id 1, id 2 and 2 more)" in findings[0].sentence


def test_workers_that_died_are_told_of_and_no_problem():
    assert said(list(instances.judge(InstanceFacts(dead_workers=2)))) == []


@pytest.mark.parametrize("kind", ["without_blueprint", "without_version", "unknown_versions", "metrics", "children"])
def test_orphans(kind):
    assert said(list(orphans.judge(OrphanFacts(**{kind: ("one",)})))) == [("orphans", "fail")]
    assert said(list(orphans.judge(OrphanFacts()))) == []

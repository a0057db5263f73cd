"""Recorded workflows run again: where they come from, and what is said of their runs."""

import json

import pytest

from headrace.errors import Complaint
from headrace.wfformat import read_workflow
from headrace.wfshapes import generated
from headrace.workflow_tour import find_workflows, replay, run_workflows

CHAIN = dict(generated())["chain-5"]


class Gateway:
    """Creates any blueprint, and runs its tool nodes in the order given, or in their own."""

    def __init__(self, ending: str = "InstanceCompleted", turned: bool = False) -> None:
        self.ending = ending
        self.turned = turned
        self.bodies: list[dict] = []

    def blueprints(self, **_):
        return iter(())

    def create_blueprint(self, body):
        self.bodies.append(body)
        return {"id": str(len(self.bodies)), **body}

    def stream(self, blueprint_id, given):
        nodes = [node["id"] for node in self.bodies[int(blueprint_id) - 1]["nodes"] if node["type"] == "tool"]
        order = list(reversed(nodes)) if self.turned else nodes
        events = [(event, node) for node in order for event in ("NodeStarted", "NodeCompleted")]
        for seq, (event, node) in enumerate([*events, (self.ending, None)], 1):
            yield {"seq": seq, "event": event, "data": {"node_id": node}}


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """A project beside which nothing lies, and a way to put recordings somewhere."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.delenv("HEADRACE_DATA", raising=False)

    def put(folder):
        (folder / "wfinstances").mkdir(parents=True)
        (folder / "wfinstances" / "mine.json").write_text(json.dumps(CHAIN))

    return put


def test_recordings_come_from_where_the_environment_says(recordings, tmp_path, monkeypatch):
    recordings(tmp_path / "elsewhere")
    recordings(tmp_path / "shared" / "data")
    monkeypatch.setenv("HEADRACE_DATA", str(tmp_path / "elsewhere"))

    source = find_workflows()

    assert source.name == f"recordings in {tmp_path / 'elsewhere' / 'wfinstances'}"
    assert [workflow.name for workflow in source.workflows] == ["mine"]


def test_else_from_beside_the_project(recordings, tmp_path):
    recordings(tmp_path / "shared" / "data")

    assert find_workflows().name == "recordings in ../shared/data/wfinstances"


def test_else_they_are_generated_and_said_to_be(recordings):
    source = find_workflows()

    assert source.name == "generated, with the shapes of recorded ones"
    assert max(len(workflow.tasks) for workflow in source.workflows) == 2122


def test_a_wrong_folder_is_not_passed_over(recordings, monkeypatch):
    monkeypatch.setenv("HEADRACE_DATA", "/nowhere")

    with pytest.raises(Complaint, match="HEADRACE_DATA=/nowhere has no wfinstances"):
        find_workflows()


def test_runtimes_are_scaled_to_the_critical_path_asked_for():
    gateway = Gateway()

    done = replay(gateway, read_workflow("chain", CHAIN), "ada", critical_path_seconds=2.0)

    tools = [node for node in gateway.bodies[0]["nodes"] if node["type"] == "tool"]
    assert sum(node["config"]["arguments"]["seconds"] for node in tools) == pytest.approx(2.0, abs=0.01)
    assert (done.nodes, done.wrong, done.critical_path_seconds) == (5, (), pytest.approx(2.0))


@pytest.mark.parametrize(
    ("gateway", "sentence"),
    [(Gateway(ending="InstanceFailed"), "ended with InstanceFailed"), (Gateway(turned=True), "began before")],
)
def test_a_run_that_is_not_as_recorded_is_complained_of(recordings, gateway, sentence):
    with pytest.raises(Complaint, match=sentence):
        run_workflows(gateway)


def test_a_tour_reports_the_makespan_beside_the_critical_path(recordings, capsys):
    run_workflows(Gateway())

    told = capsys.readouterr().out
    assert "critical path  makespan" in told
    assert "montage-2122" in told
    assert "Every task ran once" in told

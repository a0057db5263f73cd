"""Definitions in XML: what becomes of each construct, which paths are refused, and what is not understood."""

from pathlib import Path

import pytest
import yaml

from chassis.language import CEL
from contracts.graph_rules import problems_of
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.patterns.convert import main
from tests.patterns.own_definitions import OWN, SEQUENCE, a_definition
from tests.patterns.translate import Translation
from tests.patterns.xml_form import read


def written(folder: Path, xml: str, path: str = "") -> list[str]:
    """Both files, as the command line names them."""
    (folder / "own.xml").write_text(xml, encoding="utf-8")
    (folder / "own.path").write_text(path, encoding="utf-8")
    return [str(folder / "own.xml"), str(folder / "own.path")]


@pytest.mark.parametrize("name", OWN)
class TestEveryConstruct:
    def test_takes_its_path(self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        xml, path = OWN[name]
        assert main(["run", *written(tmp_path, xml, path)]) == 0, capsys.readouterr().out

    def test_becomes_a_blueprint_that_may_be_saved(
        self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(written(tmp_path, OWN[name][0])[:1]) == 0
        body = yaml.safe_load(capsys.readouterr().out)
        graph = WorkflowGraph.model_validate({key: body[key] for key in ("nodes", "edges")}, strict=False)
        assert problems_of(graph, BlueprintConfig.model_validate(body["config"]), CEL) == ()

    def test_takes_no_path_with_a_line_too_few_or_too_many(self, name: str, tmp_path: Path) -> None:
        xml, path = OWN[name]
        lines = path.splitlines()
        for number in range(len(lines)):
            for other in (lines[:number] + lines[number + 1 :], lines[: number + 1] + lines[number:]):
                assert main(["run", *written(tmp_path, xml, "\n".join(other))]) == 1, f"line {number + 1}"


class TestTheComparison:
    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("Start\n  a\n    b\n", "+       End (after b), which the path does not have"),
            ("Start\n  b\n    a\n", "- line 2:   b"),
            ("Start\n  a\n  b\n", "- line 3:   b"),
            ("Start\n  a\n    b\n      End\n        End\n", "+ nothing: the run is completed"),
            ("Start\n  a\n   b\n", "line 3 of the path is indented by 3, not by twos"),
        ],
    )
    def test_tells_where_a_path_differs(
        self, path: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["run", *written(tmp_path, SEQUENCE, path)]) == 1
        output = capsys.readouterr()
        assert told in (output.out + output.err).splitlines()

    def test_siblings_may_end_in_any_order_but_a_child_stays_with_its_parent(self, tmp_path: Path) -> None:
        xml = a_definition("start -> a, b", "task a -> c", "task b -> d", "task c -> end", "task d -> end")
        a, b = "  a\n    c\n      End\n", "  b\n    d\n      End\n"
        assert main(["run", *written(tmp_path, xml, "Start\n" + a + b)]) == 0
        assert main(["run", *written(tmp_path, xml, "Start\n" + b + a)]) == 0
        assert main(["run", *written(tmp_path, xml, "Start\n  a\n    d\n      End\n  b\n    c\n      End\n")]) == 1

    def test_white_space_and_letter_case_in_names_mean_nothing(self, tmp_path: Path) -> None:
        xml = SEQUENCE.replace("<successor>b</successor>", "<successor>\n   B\n </successor>")
        assert main(["run", *written(tmp_path, xml, "\nStart\n  A\n    b  \n      end\n\n")]) == 0


class TestWhatIsNotUnderstood:
    @pytest.mark.parametrize(
        ("part", "told"),
        [
            ("<teleport name='x'/>", "line 6: the element <teleport> is not known"),
            ("<task name='x'><wait/></task>", "line 6: <wait> is not known in <task> (`x`)"),
            ("<task name='x' colour='red'/>", "line 6: <task> takes no attribute `colour`"),
            ("<task name='x'><successor>y</successor></task>", "line 6: `x` names `y`, and there is no such task"),
            ("<task name='a'/>", "line 6: there is a task `a` already"),
            ("<task name='x'><successor/></task>", "line 6: <successor> of `x` names no task"),
            ("<multi-instance name='x'/>", "line 6: <multi-instance> (`x`) needs times or times-field"),
            ("<join name='x' threshold='few'/>", "line 6: threshold of `x` must be a number, but is `few`"),
            ("<task", "line 7: not well-formed"),
        ],
    )
    def test_is_refused_with_its_name_and_line(
        self, part: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        xml = SEQUENCE.replace("</process-definition>", f"{part}\n</process-definition>")
        assert main(written(tmp_path, xml)[:1]) == 1
        assert f"own.xml, {told}" in capsys.readouterr().err

    def test_is_a_call_with_other_arguments(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert "python -m tests.patterns.convert FILE.xml" in capsys.readouterr().err


def test_a_definition_may_call_another(tmp_path: Path) -> None:
    inner = a_definition("start -> x", "task x -> end")
    (tmp_path / "inner.xml").write_text(inner, encoding="utf-8")
    xml = a_definition("start -> call", "sub-workflow call file=inner.xml -> last", "task last -> end")
    path = "Start\n  call\n    Start\n      x\n        End\n    last\n      End\n"
    assert main(["run", *written(tmp_path, xml, path)]) == 0
    nodes = Translation(read(tmp_path / "own.xml")).blueprint()["nodes"]
    assert [node["config"]["blueprint_id"] for node in nodes if node["type"] == "blueprint"] == ["inner.xml"]

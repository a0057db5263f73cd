"""The definitions that are given beside the repository, each held against its path."""

from pathlib import Path

import pytest

from chassis.language import CEL
from contracts.graph_rules import problems_of
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.patterns.convert import main
from tests.patterns.translate import Translation
from tests.patterns.xml_form import read

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "wcp"
GIVEN = sorted(FOLDER.glob("*.xml"))

pytestmark = pytest.mark.skipif(not GIVEN, reason=f"no definitions in {FOLDER}")


@pytest.mark.parametrize("definition", GIVEN, ids=lambda file: file.stem)
def test_a_given_definition_takes_its_path(definition: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", str(definition), str(definition.with_suffix(".path"))])
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("definition", GIVEN, ids=lambda file: file.stem)
def test_its_blueprint_keeps_the_rules(definition: Path) -> None:
    blueprint = Translation(read(definition)).blueprint()
    graph = WorkflowGraph.model_validate({key: blueprint[key] for key in ("nodes", "edges")}, strict=False)
    assert problems_of(graph, BlueprintConfig.model_validate(blueprint["config"]), CEL) == ()

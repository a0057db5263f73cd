"""Packages import only what the architecture allows, and every room that exists has its wall."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, module_exists, name

PURE_ROOMS = ("blueprint.domain", "execution.domain", "metrics.domain", "access.domain")
WALLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def imported_packages(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_every_wall_stands():
    linter = Path(sys.executable).with_name("lint-imports")

    run = subprocess.run([linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr


def test_contracts_import_pydantic_and_the_standard_library_alone():
    allowed = {"contracts", "pydantic", "pydantic_core"} | sys.stdlib_module_names
    strangers = {name(path): imported_packages(path) - allowed for path in PACKAGES["contracts"].rglob("*.py")}

    assert {path: names for path, names in strangers.items() if names} == {}


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_room_that_exists_has_its_wall(room: str):
    walled = {module for wall in WALLS if wall["type"] == "forbidden" for module in wall["source_modules"]}

    assert room in walled or not module_exists(room)


@pytest.mark.parametrize(("folder", "shared"), [("middleware", {"contract"}), ("executors", {"registry", "strategy"})])
def test_strategies_of_one_kind_are_all_strangers(folder: str, shared: set[str]):
    written = {path.stem for path in (PACKAGES["execution"] / folder).glob("*.py")} - shared - {"__init__"}
    strangers = {module for wall in WALLS if wall["type"] == "independence" for module in wall["modules"]}

    assert {f"execution.{folder}.{stem}" for stem in written} <= strangers


def test_no_wall_has_a_hole():
    assert [wall["name"] for wall in WALLS if "ignore_imports" in wall] == []

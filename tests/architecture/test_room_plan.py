"""Every service has the same rooms, named for what they hold, small enough to read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, module_exists, name, package_files, python_files

ROOMS = {
    "blueprint": ("app", "domain", "handlers", "projections", "queries"),
    "execution": ("app", "domain", "handlers", "projections", "queries"),
    "metrics": ("app", "domain", "projections", "queries"),
    "access": ("app", "domain", "handlers", "projections", "queries"),
    "gateway": ("app",),
}
"""A room that a service does not need is absent: metrics takes no commands, the gateway decides and keeps nothing."""
KEEPERS = ("blueprint", "execution", "metrics", "access")
VAGUE_NAMES = {
    "base", "common", "core", "general", "helper", "helpers", "kit", "lib", "manager", "managers", "misc", "shared",
    "stuff", "types", "util", "utils",
}  # fmt: skip
SOURCE_LINES_MAX = 300
TEST_LINES_MAX = 250
FUNCTION_LINES_MAX = 60
SECOND_SENTENCE = re.compile(r"[.!?]\s+[A-Z]")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name(path)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def is_one_sentence(text: str | None) -> bool:
    """One line that ends with a full stop and holds no other; what follows a blank line may explain it."""
    opening = (text or "").split("\n\n")[0]
    return "\n" not in opening and opening.endswith(".") and not SECOND_SENTENCE.search(opening)


@pytest.mark.parametrize("service", ROOMS)
def test_a_service_has_its_rooms(service: str):
    assert [room for room in ROOMS[service] if not module_exists(f"{service}.{room}")] == []


@pytest.mark.parametrize("service", KEEPERS)
def test_migrations_are_numbered_and_go_both_ways(service: str):
    ups = sorted(path.name for path in (PACKAGES[service] / "migrations").glob("*.up.sql"))
    downs = sorted(path.name for path in (PACKAGES[service] / "migrations").glob("*.down.sql"))

    assert ups, f"{service} keeps rows but has no migrations"
    assert [up.replace(".up.", ".down.") for up in ups] == downs
    assert [up[:4] for up in ups] == [f"{number:04}" for number in range(1, len(ups) + 1)]


@pytest.mark.parametrize("service", ROOMS)
def test_a_service_says_what_it_decides_hears_says_and_keeps(service: str):
    readme = ROOT / "services" / service / "README.md"
    headings = re.findall(r"^#+ (Decides|Hears|Says|Keeps)\b", readme.read_text(), flags=re.MULTILINE)

    assert headings == ["Decides", "Hears", "Says", "Keeps"]


def test_no_module_has_a_vague_name():
    assert [name(path) for path in python_files() if VAGUE_NAMES & {path.stem, path.parent.name}] == []


def test_files_are_short():
    long_sources = [name(path) for path in package_files() if len(path.read_text().splitlines()) >= SOURCE_LINES_MAX]
    tests = set(python_files()) - set(package_files())
    long_tests = sorted(name(path) for path in tests if len(path.read_text().splitlines()) >= TEST_LINES_MAX)

    assert long_sources + long_tests == []


def test_functions_are_short():
    lengths = [found for path in python_files() for found in functions(path)]

    assert [function for function, lines in lengths if lines >= FUNCTION_LINES_MAX] == []


def test_every_file_opens_with_one_sentence():
    openings = {name(path): ast.get_docstring(ast.parse(path.read_text())) for path in python_files()}

    assert [path for path, text in openings.items() if not is_one_sentence(text)] == []

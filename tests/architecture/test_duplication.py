"""Copied code is found, and there is little of it."""

from pathlib import Path

import pytest

from tests.architecture.duplication import SHARE_MAX, copies_in, python_files

BLOCK = "\n".join(f"value_{number} = compute({number})" for number in range(6))


@pytest.fixture
def source(tmp_path: Path):
    """Write a Python file and give its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_same_six_lines_in_two_files_are_copies(source):
    found = copies_in([source("one.py", f"a = 1\n{BLOCK}\n"), source("two.py", f"b = 2\n{BLOCK}\n")])

    assert (found.lines_total, found.lines_copied) == (14, 12)
    assert [(one.number, other.number) for one, other in found.runs] == [(2, 2)]


def test_a_longer_run_is_one_run_and_indentation_hides_nothing(source):
    longer = f"{BLOCK}\nlast = 1"
    indented = "if True:\n" + "\n".join(f"    {line}" for line in longer.splitlines())

    found = copies_in([source("one.py", longer), source("two.py", indented)])

    assert found.lines_copied == 14
    assert len(found.runs) == 1


def test_five_lines_comments_imports_and_docstrings_are_no_copies(source):
    quiet = '"""Says what it is."""\n\nimport os\nimport sys\n# why\n' + "\n".join(BLOCK.splitlines()[:5]) + "\n"

    found = copies_in([source("one.py", quiet), source("two.py", quiet)])

    assert (found.lines_total, found.share) == (10, 0.0)


def test_less_than_three_in_a_hundred_lines_are_copies():
    found = copies_in(python_files())

    assert found.share < SHARE_MAX, [f"{one} = {other}" for one, other in found.runs]

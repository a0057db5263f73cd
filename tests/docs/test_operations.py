"""The operations guide holds: its commands run as they stand, on a stack that runs."""

import re
from pathlib import Path

from headrace.cli import app
from tests.docs.guides import ROOT, Guide
from tests.docs.test_guides import follow
from tests.support.stacks import Up

GUIDE = Guide(ROOT / "docs" / "OPERATIONS_GUIDE.md")
NAMED = re.compile(r"headrace ([a-z][a-z-]+)")


def test_its_commands_print_what_is_shown(stack: Up, tmp_path: Path) -> None:
    follow(GUIDE, stack, tmp_path)

    assert (tmp_path / "monday" / "manifest.json").exists()
    assert (tmp_path / "restored" / "postgres" / "PG_VERSION").exists()


def test_the_commands_that_it_names_exist() -> None:
    names = {command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    named = set(NAMED.findall("\n".join(re.findall(r"`(headrace [^`]*)`", GUIDE.path.read_text()))))

    assert named - names == set()


def test_the_files_that_it_names_exist() -> None:
    paths = re.findall(r"`((?:infra|libs|tests|docs)/[\w./-]+)`", GUIDE.path.read_text())

    assert [path for path in paths if not (ROOT / path).exists() and not path.endswith(".env")] == []

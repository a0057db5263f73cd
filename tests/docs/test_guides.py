"""The guides hold: their files are valid, their commands run, and print what is shown."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from headrace.client import Headrace
from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from tests.docs.guides import GUIDES, INDEX, ROOT, Guide, guides, prelude
from tests.support.stacks import Up, clean_environment

SECONDS = 180.0
BETWEEN = "=== next step ==="
TEAM = "mill"
"""With whom the guides share."""
INVALID = {"broken.yaml", "mapped.yaml"}
"""Shown to be refused."""


def token_of(stack: Up, user: str, *teams: str) -> str:
    secrets = read_secrets(stack.data_dir)
    assert secrets is not None
    return sign(secrets.jwt, user, teams=teams)


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.path.stem)
def test_its_blueprints_keep_every_rule(guide: Guide, stack: Up) -> None:
    with Headrace(str(stack.state["url"]), token_of(stack, "reader", TEAM)) as client:
        for name, body in guide.blueprints().items():
            problems = client.check_blueprint(body)["problems"]
            assert bool(problems) == (name in INVALID), (name, problems)


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.path.stem)
def test_its_commands_print_what_is_shown(guide: Guide, stack: Up, tmp_path: Path) -> None:
    follow(guide, stack, tmp_path)


def follow(guide: Guide, stack: Up, tmp_path: Path) -> None:
    """Do what the page says, in an empty folder."""
    for name, text in guide.files().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    steps = list(guide.steps())
    script = f"\necho '{BETWEEN}'\n".join(["set -eu -o pipefail\n" + prelude(), *(step.commands for step in steps)])
    user = f"reader-of-{guide.path.stem}"
    environment = clean_environment(
        HEADRACE_DATA_DIR=str(stack.data_dir),
        HEADRACE_USER=user,
        V2=f"{stack.state['url']}/api/v2",
        TOKEN=token_of(stack, user),
        PATH=f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
    )
    said = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    for step, printed in zip(steps, said.stdout.split(BETWEEN)[1:], strict=True):
        lines = [line.strip() for line in printed.splitlines()]
        for wanted in step.lines:
            begins = wanted.partition("…")[0]
            fits = [line for line in lines if line == wanted or ("…" in wanted and line.startswith(begins))]
            assert fits, f"{wanted!r} is not in\n{printed}{said.stderr}"


def test_every_guide_is_in_the_index() -> None:
    shown = set(re.findall(r"\]\(([\w-]+\.md)\)", (GUIDES / INDEX).read_text()))
    assert shown == {guide.path.name for guide in guides()}


def test_the_examples_that_guides_name_exist() -> None:
    for guide in guides():
        text = guide.path.read_text()
        named = set(re.findall(r"examples/(\w+)\.yaml", text))
        for sentence in re.findall(r"Further examples: (.*?)\.", text, re.DOTALL):
            named |= set(re.findall(r"`(\w+)`", sentence))
        assert [name for name in named if not (ROOT / "examples" / f"{name}.yaml").exists()] == []

"""What the README shows is what happens: its commands are run as they stand."""

import re
import subprocess
from pathlib import Path

import yaml

from contracts.blueprint import BlueprintBody
from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from tests.support.stacks import Up, clean_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
PROBLEM = re.compile(r'"code":"(\w+)"')


def block_with(text: str) -> str:
    """The code block that contains the text."""
    return next(content for _, content in BLOCK.findall(README) if text in content)


def test_every_endpoint_answers_as_shown(stack: Up) -> None:
    secrets = read_secrets(stack.data_dir)
    assert secrets is not None
    token = sign(secrets.jwt, "readme-reader", roles=["*:admin"])
    script = f"set -eu\n{block_with('# What to do')}"
    environment = clean_environment(V2=f"{stack.state['url']}/api/v2", TOKEN=token)
    command = ["bash", "-c", script]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert said.returncode == 0, said.stderr
    answers = [line for line in said.stdout.splitlines() if line]
    assert '"valid":true' in answers[0]
    assert any('"event":"InstanceCompleted"' in line for line in answers)
    assert PROBLEM.findall(said.stdout) == ["already_ended", "not_failed"]
    assert "# HELP" in said.stdout


def test_the_tool_blueprint_is_valid() -> None:
    assert BlueprintBody.model_validate(yaml.safe_load(block_with("name: charge"))).name == "charge"


def test_the_commands_shown_exist() -> None:
    shown = set(re.findall(r"\.venv/bin/headrace (\w+)", README))
    help_text = subprocess.run(
        [ROOT / ".venv/bin/headrace", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert shown <= set(re.findall(r"│ ([\w-]+) ", help_text))

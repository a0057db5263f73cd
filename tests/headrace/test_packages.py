"""`headrace validate` without a stack knows the node types of installed packages, and says which cannot be used."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis.extensions import vocabulary
from tests.headrace.conftest import Command
from tests.support.packages import a_package

SMS = "from contracts.node_configs import NodeConfig\nclass SmsConfig(NodeConfig):\n    to: str\n"
GREETING = "name: greeting\nnodes: [{id: start, type: start}, {id: sms, type: sms, config: {to: ada}}]\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a package whose node type `sms` has the given model, and writes a blueprint that uses it."""

    def install(model: str) -> None:
        monkeypatch.syspath_prepend(a_package(tmp_path, {"sms_package": SMS}, {"headrace.node_types": {"sms": model}}))
        (tmp_path / "greeting.yaml").write_text(GREETING + "edges: [{source: start, target: sms}]\n")
        vocabulary.cache_clear()

    yield install
    vocabulary.cache_clear()
    sys.modules.pop("sms_package", None)


def test_a_blueprint_that_uses_them_is_valid(headrace: Command, install: Callable[[str], None]) -> None:
    install("sms_package:SmsConfig")
    assert headrace("validate", "greeting.yaml") == (0, "greeting.yaml is valid\n", "")


def test_a_package_that_cannot_be_used_is_named(headrace: Command, install: Callable[[str], None]) -> None:
    install("sms_package:Sms")
    status, _, said = headrace("validate", "greeting.yaml")
    assert status == 1
    assert "headrace: An installed package cannot be used: headrace.node_types: 'sms' (sms_package:Sms) cannot" in said

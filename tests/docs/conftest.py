"""A stack as the guides set it up: their packages installed, their tools, their pipeline; no model provider."""

from collections.abc import Iterator

import pytest

from tests.docs.guides import entry_points, file_of_a_guide, modules
from tests.support.packages import a_package
from tests.support.stacks import Up


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`headrace up`, ready."""
    folder = tmp_path_factory.mktemp("guides")
    packages = folder / "packages"
    packages.mkdir()
    a_package(packages, modules(), entry_points())
    tools, pipeline = folder / "tools.py", folder / "pipeline.yaml"
    for file in (tools, pipeline):
        file.write_text(file_of_a_guide(file.name))
    environment = {"PYTHONPATH": str(packages), "HEADRACE_PIPELINE": str(pipeline)}
    up = Up.launch(folder / "data", "--tools", str(tools), **environment)
    try:
        up.ready_line()
        yield up
        status, said = up.stop()
        assert status == 0, said
    finally:
        up.reap()

"""Middleware of an installed package: found by entry point, heard with the rest, left out like the rest."""

import sys
from pathlib import Path

import pytest

from chassis.settings import BadSettings
from execution.packages import installed
from tests.support.builders import a_graph, a_node
from tests.support.mill import milling
from tests.support.packages import a_package

CURFEW = '''
"""Nobody runs anything after hours."""

from contracts.instance_events import InstanceCompleted, InstanceRequested
from contracts.refusal import Forbidden
from execution.middleware.contract import Verdict

HEARD = []


async def close_at_night(event, turn, around):
    """Refuse what comes at night."""
    if event.input == "night":
        raise Forbidden("closed", "Come back in the morning.")
    return Verdict.PASS


async def note(event, instance, around):
    """Remember who is done."""
    HEARD.append(type(event).__name__)


DECIDING = {InstanceRequested: close_at_night}
AFTERWARDS = {InstanceCompleted: note}
'''


def install(folder: Path, name: str, source: str) -> None:
    """A package with one module that is a middleware."""
    module = f"{name}_package"
    a_package(folder, {module: source}, {"headrace.middleware": {name: module}}, name=module)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python imports from while the test runs."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


async def test_it_decides_and_takes_note_and_a_blueprint_may_leave_it_out(
    site: Path, execution_dsn: str, nats_url: str, namespace: str
) -> None:
    install(site, "curfew", CURFEW)
    async with milling(execution_dsn, nats_url, namespace) as mill:
        graph = a_graph("start -> a", a_node("a", "tool"))
        blueprint = await mill.know(graph)
        assert (await mill.execute(blueprint, "noon")).status == "completed"
        with pytest.raises(Exception, match="Come back in the morning"):
            await mill.execute(blueprint, "night")
        free = await mill.know(graph, middleware={"leave_out": ["curfew"]})
        assert (await mill.execute(free, "night")).status == "completed"
    assert sys.modules["curfew_package"].HEARD == ["InstanceCompleted"]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
        ("SOMETHING = 1", "hears nothing"),
        ("DECIDING = {int: print}", "it must map events"),
        ("DECIDING = []", "must map event types"),
    ],
)
def test_one_that_cannot_be_used_keeps_the_service_from_starting_and_says_why(
    site: Path, source: str, complaint: str
) -> None:
    install(site, f"broken{abs(hash(source))}", source)
    with pytest.raises(BadSettings, match=complaint):
        installed()


async def test_a_name_is_taken_once(site: Path, execution_dsn: str, nats_url: str, namespace: str) -> None:
    install(site, "caching", CURFEW)
    with pytest.raises(BadSettings, match="'caching'"):
        async with milling(execution_dsn, nats_url, namespace):
            pass

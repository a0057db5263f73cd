"""What installed packages add to the words of a blueprint, and what is said of those that cannot be used."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis import extensions
from chassis.language import CEL
from chassis.settings import BadSettings
from contracts.graph_rules import problems_of
from contracts.vocabulary import BUILT_IN
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.support.packages import a_package

SMS = """
from contracts.node_configs import Name, NodeConfig

class SmsConfig(NodeConfig):
    to: Name

class Sms:
    async def run(self, call): ...

def at_most_two_nodes(graph, config):
    from contracts.refusal import Problem
    if len(graph.nodes) > 2:
        yield Problem(pointer="/nodes", code="too_many", message="The executor `small` takes two nodes.")
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package of these entry points on the path, until the test is over."""

    def install(entry_points: dict[str, dict[str, str]], name: str = "brought") -> None:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.syspath_prepend(a_package(folder, {"sms_module": SMS}, entry_points, name))
        extensions.vocabulary.cache_clear()

    yield install
    extensions.vocabulary.cache_clear()
    sys.modules.pop("sms_module", None)


def found(config: dict[str, object], **settings: object) -> dict[str, str]:
    nodes = [{"id": "start", "type": "start"}, {"id": "sms", "type": "sms", "config": config}]
    edges = [{"source": "start", "target": "sms"}]
    graph = WorkflowGraph.model_validate({"nodes": nodes, "edges": edges})
    chosen = BlueprintConfig.model_validate(settings)
    return {problem.pointer: problem.code for problem in problems_of(graph, chosen, CEL, extensions.vocabulary())}


TYPES = {"headrace.node_types": {"sms": "sms_module:SmsConfig"}, "headrace.nodes": {"sms": "sms_module:Sms"}}


def test_without_packages_the_words_are_the_products_own() -> None:
    extensions.vocabulary.cache_clear()
    assert extensions.vocabulary() == BUILT_IN


def test_a_node_type_is_known_and_its_configuration_judged(install: Install) -> None:
    install(TYPES)
    assert found({"to": "+49 30 123", "retry": {"max_attempts": 2}}) == {}
    assert found({"too": 1}) == {"/nodes/1/config/too": "unknown_member", "/nodes/1/config/to": "missing"}


def test_executors_with_their_rules_and_middleware_are_known_by_name(install: Install) -> None:
    install(
        TYPES
        | {
            "headrace.executors": {"small": "nowhere:loaded_by_workers_only"},
            "headrace.executor_rules": {"small": "sms_module:at_most_two_nodes"},
            "headrace.middleware": {"audit": "nowhere:loaded_by_workers_only"},
        }
    )
    assert found({"to": "a"}, executor="small", middleware={"leave_out": ["audit"]}) == {}
    assert found({"to": "a"}, executor="smaller") == {"/config/executor": "unknown_executor"}
    rule = extensions.vocabulary().executor_rules["small"]
    three = WorkflowGraph.model_validate({"nodes": [{"id": name, "type": "start"} for name in "abc"]})
    assert [problem.code for problem in rule(three, BlueprintConfig())] == ["too_many"]


@pytest.mark.parametrize(
    ("entry_points", "sentence"),
    [
        ({"headrace.node_types": {"sms": "nowhere:SmsConfig"}}, "'sms' (nowhere:SmsConfig) cannot be loaded"),
        ({"headrace.node_types": {"sms": "sms_module:Sms"}}, "'sms' (sms_module:Sms) must be a subclass of NodeConfig"),
        ({"headrace.node_types": {"tool": "sms_module:SmsConfig"}}, "'tool' is built in; give yours another name"),
        ({"headrace.nodes": {"sms": "sms_module:Sms"}}, "'sms' has no configuration: name its model under"),
        ({"headrace.executors": {"parallel": "sms_module:Sms"}}, "'parallel' is built in"),
        ({"headrace.middleware": {"retry": "sms_module:Sms"}}, "'retry' is built in"),
    ],
)
def test_a_package_that_cannot_be_used_is_named(
    install: Install, entry_points: dict[str, dict[str, str]], sentence: str
) -> None:
    install(entry_points)
    with pytest.raises(BadSettings) as refused:
        extensions.vocabulary()
    assert sentence in str(refused.value)


def test_two_packages_with_the_same_name_are_told_apart(install: Install) -> None:
    install(TYPES)
    install({"headrace.node_types": {"sms": "sms_module:Other"}}, name="another")
    with pytest.raises(BadSettings, match="sms_module:Other and sms_module:SmsConfig are both called 'sms'"):
        extensions.vocabulary()

"""Whatever the graph and however its nodes end: runs end, repeat nothing, and their facts tell all of it again."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import instance_events as facts
from contracts.workflow import Node, WorkflowGraph
from execution.domain.instance import Instance
from execution.nodes.action import NodeFailure, NodeResult
from tests.support.builders import a_graph, a_node
from tests.support.story import Story

JOINS: tuple[Any, ...] = (
    "all",
    "any",
    "each",
    {"kind": "n_of_m", "n": 2},
    {"kind": "any", "cancel_rest": True},
    {"kind": "n_of_m", "n": 2, "cancel_rest": True},
)
SECTION = {"concurrency": {"key": "'k'"}}
LIMITS: tuple[dict[str, Any], ...] = ({}, {"timeout_seconds": 100}, {"instance_retry": {"max_attempts": 2}})
TURNS_MAX = 400


def a_body(draw: st.DrawFn, prefix: str) -> dict[str, Any]:
    """An effect, perhaps with another one or a break at its side."""
    first = a_node(f"{prefix}x", "tool", compensate=f"{prefix}u", **draw(st.sampled_from([{}, SECTION])))
    second = a_node(f"{prefix}y", draw(st.sampled_from(["tool", "break"])))
    begin = f"{prefix}s"
    edges = draw(st.sampled_from([(f"{begin} -> {prefix}x", f"{begin} -> {prefix}y"), (f"{begin} -> {prefix}x",)]))
    graph = a_graph(a_node(begin, "start"), first, second, a_node(f"{prefix}u", "tool"), *edges, start=begin)
    used = {begin, f"{prefix}x", f"{prefix}u", *(edge.target for edge in graph.edges)}
    return graph.model_copy(update={"nodes": tuple(n for n in graph.nodes if n.id in used)}).model_dump(mode="json")


def some_node(draw: st.DrawFn, name: str) -> Node:
    """An effect, a pure node, a wait, or a body; with some join and perhaps a fallback or a section."""
    config: dict[str, Any] = {"join": draw(st.sampled_from(JOINS))}
    kind = draw(st.sampled_from(["tool", "tool", "transform", "signal", "delay", "loop", "map", "region"]))
    if kind in ("loop", "map"):
        config["items"] = [1, 2]
    if kind in ("loop", "map", "region"):
        config["body"] = a_body(draw, name)
    if kind == "map":
        config["min_successful"] = 1
    if kind == "signal":
        config |= {"name": "go", "timeout_seconds": 50}
    if kind == "delay":
        config["seconds"] = draw(st.sampled_from([0, 5]))
    if draw(st.booleans()):
        config["fallback"] = "spare"
    if kind == "tool" and draw(st.booleans()):
        config |= SECTION
    return a_node(name, kind, **config)


@st.composite
def graphs(draw: st.DrawFn) -> WorkflowGraph:
    """A few nodes in a row, edges leading onward, or back on an error; some of them only taken on an error or never."""
    names = [f"n{index}" for index in range(draw(st.integers(2, 6)))]
    nodes = [some_node(draw, name) for name in names]
    edges = {f"start -> {names[0]}"}
    for place, name in enumerate(names[1:], start=1):
        sources = draw(st.lists(st.sampled_from(["start", *names[:place]]), min_size=1, max_size=3, unique=True))
        for source in sources:
            ways = ["", " if true", " if false"] + ([" on any"] if source != "start" else [])
            edges.add(f"{source} -> {name}{draw(st.sampled_from(ways))}")
    for source, target in draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=2)):
        if names.index(target) <= names.index(source):
            edges.add(f"{source} -> {target} on any")
    return a_graph(*nodes, *sorted(edges))


def let_in(story: Story) -> bool:
    """Whoever queues first for the section goes in, when nobody is inside."""
    if story.instance.held or not story.instance.queueing:
        return False
    wanted = next(iter(story.instance.queueing.values()))
    of = {"node_id": wanted.node_id, "visit": wanted.visit, "scope": wanted.scope}
    story.hears(facts.SectionEntered, section_key=wanted.section_key, **of)
    return True


def live(story: Story, draw: st.DrawFn) -> None:
    """Let things happen until the run ends: results, failures, signals, time, a retry, a cancel."""
    for _ in range(TURNS_MAX):
        if story.instance.ended:
            return
        assert not wakes_for_nothing(story), "it would rest and wake without end"
        order = draw(st.integers(0, 40))
        if order == 0:
            story.hears(facts.InstanceCancelRequested, by="bob")
        elif order == 1 and list(story.instance.live()):
            visit = draw(st.sampled_from(sorted(visit for visit, _ in story.instance.live())))
            story.hears(facts.NodeCancelRequested, node_id=visit.node_id, by="bob")
        elif let_in(story):
            continue
        elif story.instance.running:
            visit = draw(st.sampled_from(sorted(story.instance.running)))
            fails = draw(st.integers(0, 4)) == 0
            story.settled(visit, NodeFailure("permanent", "broken", "It broke.") if fails else NodeResult("fine"))
        elif draw(st.booleans()):
            story.signal("go")
        else:
            story.later(30)
    raise AssertionError(f"does not end: {[type(event).__name__ for event in story.facts[-20:]]}")


def wakes_for_nothing(story: Story) -> bool:
    """Whether it wakes at a moment that has passed, or rests although nothing can reach it."""
    instance = story.instance
    if instance.wakes_at is not None:
        return instance.wakes_at <= story.now
    return not (instance.running or instance.waits or instance.queueing)


def picture(instance: Instance) -> dict[str, Any]:
    """What must be the same however the facts were come by."""
    names = ("status", "version", "ready", "running", "timers", "waits", "queueing", "held", "variables", "output")
    return {name: getattr(instance, name) for name in names} | {
        "opened": {visit: (opened.begun, opened.live) for visit, opened in instance.opened.items()},
        "frames": {scope: (frame.outputs, frame.flow.active) for scope, frame in instance.frames.items()},
    }


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_run_ends_and_its_facts_tell_it_again(data: st.DataObject) -> None:
    story = Story(data.draw(graphs()), max_visits=5, **data.draw(st.sampled_from(LIMITS)))
    live(story, data.draw)
    if story.instance.status == "failed" and story.instance.compensation is None and data.draw(st.booleans()):
        story.hears(facts.InstanceRetried, by="alice")
        live(story, data.draw)
    assert picture(story.replayed()) == picture(story.instance)
    done = Counter((e.node_id, e.visit, e.scope) for e in story.facts if isinstance(e, facts.NodeCompleted))
    undone = {(e.node_id, e.visit, e.scope) for e in story.facts if isinstance(e, facts.CompensationBegun)}
    assert [visit for visit, times in done.items() if times > 1 and visit not in undone] == []
    assert not story.instance.held
    assert not list(story.instance.live())

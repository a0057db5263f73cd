"""What an operator can read off the counters: failures, fallbacks, waits, sections, and what memory saved."""

import re
from collections.abc import Callable

import pytest

from chassis.telemetry import render_metrics
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill

Counter = Callable[[str], float]


def counted(name: str) -> float:
    """The value of a series such as `headrace_x_total{of="node"}`."""
    found = re.search(rb"^" + re.escape(name.encode()) + rb" (\S+)$", render_metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.fixture
def grown() -> Counter:
    """By how much a series has grown since it was first asked for."""
    before: dict[str, float] = {}

    def growth(name: str) -> float:
        return counted(name) - before.setdefault(name, counted(name))

    return growth


async def test_failed_attempts_are_counted_by_kind_and_fallbacks_too(mill: Mill, grown: Counter) -> None:
    failures = 'headrace_node_failures_total{error_type="transient",node_type="tool"}'
    fallbacks = 'headrace_node_fallbacks_total{node_type="tool"}'
    assert (grown(failures), grown(fallbacks)) == (0, 0)
    retry = {"max_attempts": 2, "backoff_seconds": 0}
    failing = a_node("a", "tool", name="fail", arguments={"error_type": "transient"}, retry=retry, fallback=1)
    await mill.execute(await mill.know(a_graph("start -> a", failing)))
    assert (grown(failures), grown(fallbacks)) == (2, 1)
    assert grown('headrace_put_off_seconds_count{event="NodeRetryScheduled"}') == 0


async def test_what_memory_saves_is_added_up(mill: Mill, grown: Counter) -> None:
    hits, seconds = (
        'headrace_cache_questions_total{answer="hit",of="node"}',
        'headrace_cache_saved_seconds_total{of="node"}',
    )
    assert (grown(hits), grown(seconds)) == (0, 0)
    nap = a_node("nap", "tool", name="sleep", arguments={"seconds": 0.1}, cache={"ttl_seconds": 60})
    blueprint = await mill.know(a_graph("start -> nap", nap))
    for _ in range(3):
        await mill.execute(blueprint)
    assert grown(hits) == 2
    assert grown(seconds) >= 0.2


async def test_sections_are_followed_step_by_step(mill: Mill, grown: Counter) -> None:
    steps = [f'headrace_section_steps_total{{step="{step}"}}' for step in ("requested", "entered", "left")]
    assert [grown(step) for step in steps] == [0, 0, 0]
    await mill.execute(await mill.know(a_graph("start -> a"), concurrency={"key": "'one'"}))
    assert [grown(step) for step in steps] == [1, 1, 1]

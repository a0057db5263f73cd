"""LangGraph costs nothing where it is not used, and tells nobody where it is."""

import subprocess
import sys
from collections.abc import Iterator
from typing import TypedDict

import pytest
from langchain_core.callbacks.manager import CallbackManager
from langgraph.graph import START, StateGraph
from langsmith.utils import get_env_var, tracing_is_enabled

from execution.langgraph.tracing import untraced


class Nothing(TypedDict):
    """The state of a graph that has none to speak of."""

    word: str


@pytest.fixture
def an_environment_that_traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Made for another program, as LangSmith's manual says."""
    for name, value in {"TRACING": "true", "API_KEY": "secret", "ENDPOINT": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(f"LANGSMITH_{name}", value)
    get_env_var.cache_clear()
    yield
    get_env_var.cache_clear()


def test_the_service_starts_without_langgraph() -> None:
    program = (
        "import execution.app, sys; print(sorted({'langgraph', 'langchain_core', 'langsmith'} & set(sys.modules)))"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "[]"


@pytest.mark.usefixtures("an_environment_that_traces")
async def test_a_run_is_not_traced_whatever_the_environment_says() -> None:
    tracers: list[object] = []

    async def look(_: Nothing) -> None:
        tracers.extend(CallbackManager.configure().handlers)

    graph = StateGraph(Nothing)
    graph.add_node("look", look)
    graph.add_edge(START, "look")
    assert tracing_is_enabled()

    with untraced():
        await graph.compile().ainvoke({"word": "secret"})

    assert tracers == []

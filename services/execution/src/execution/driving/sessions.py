"""Executors that work beside the turns of a run, opened while this process drives it."""

from collections.abc import Callable

from execution.domain.instance import Instance
from execution.driving.records import Records
from execution.executors.strategy import Session


def open_session(instance: Instance, records: Records, tell: Callable[[], None]) -> Session | None:
    """The executor of a run at work, if it is one that works by itself; `tell` is called when there is news to decide.

    Everything in `instance` must be committed, and it must have its graph.
    """
    if instance.request.config.executor != "langgraph" or instance.graph is None:
        return None
    # Imported here, so that only those who use LangGraph wait for it and pay for its memory.
    from execution.langgraph.session import LangGraphSession  # noqa: PLC0415

    return LangGraphSession(instance, instance.graph, records, tell)

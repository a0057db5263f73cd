"""LangSmith stays silent: whatever the environment says, a run of ours is reported to nobody."""

from contextlib import AbstractContextManager

from langsmith.run_helpers import tracing_context


def untraced() -> AbstractContextManager[None]:
    """Inside, and in tasks begun inside, LangGraph has no tracer.

    An environment made for other programs (`LANGSMITH_TRACING=true` and a key) would otherwise send inputs and outputs
    of every node to LangSmith. Spans of ours go where OpenTelemetry is told to.
    """
    return tracing_context(enabled=False)

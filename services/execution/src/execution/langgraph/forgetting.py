"""What makes a thread forget: all of it, or single checkpoints (pure)."""

from collections.abc import Iterable

from contracts import checkpoint_events as facts
from contracts.checkpoint_events import CheckpointEvent, CheckpointPlace, CheckpointSaved
from execution.langgraph.thread_facts import following
from execution.langgraph.threads import Thread


def everything(thread: Thread) -> list[CheckpointEvent]:
    """Nothing is left of the thread."""
    return [] if thread.empty else [facts.CheckpointThreadDeleted(**following(thread))]


def all_but_the_latest(thread: Thread) -> list[CheckpointEvent]:
    """Each namespace keeps its latest checkpoint."""
    latest: dict[str, CheckpointSaved] = {}
    return these(thread, [s for s in thread.newest_first() if latest.setdefault(s.namespace, s) is not s])


def these(thread: Thread, checkpoints: Iterable[CheckpointSaved]) -> list[CheckpointEvent]:
    """The checkpoints are not to be found any more."""
    places = tuple(CheckpointPlace(namespace=s.namespace, checkpoint_id=s.checkpoint_id) for s in checkpoints)
    return [facts.CheckpointsDeleted(**following(thread), checkpoints=places)] if places else []

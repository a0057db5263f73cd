"""A LangGraph thread, folded from its facts (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar
from uuid import UUID

from chassis.ids import derived_id
from contracts import checkpoint_events as facts
from contracts.checkpoint_events import ChannelVersion, Serialized

Place = tuple[str, str]
"""Namespace and id of a checkpoint."""

Versions = dict[str, ChannelVersion]
Seen = dict[str, Versions]

V = TypeVar("V")


def thread_stream(thread_id: str) -> UUID:
    """The stream of a thread: its own one, also where the thread bears the id of an instance."""
    return derived_id("langgraph thread", thread_id)


class Thread:
    """What is saved of one thread. What was deleted is hidden and still there, for later checkpoints build on it."""

    def __init__(self, thread_id: str) -> None:
        """A thread of which nothing is known yet."""
        self.id = thread_id
        self.stream_id = thread_stream(thread_id)
        self.version = 0
        # The maps that were asked for last: mostly the next ones are one step from them.
        self._mapped = 0
        self._maps: tuple[Versions, Seen] = ({}, {})
        self._forget()

    @classmethod
    def replay(cls, thread_id: str, history: Iterable[facts.CheckpointEvent]) -> "Thread":
        """The thread as its facts tell it."""
        thread = cls(thread_id)
        for event in history:
            thread.apply(event)
        return thread

    def apply(self, event: facts.CheckpointEvent) -> None:
        """Fold one fact."""
        self.version = event.originator_version
        match event:
            case facts.CheckpointSaved():
                self._save(event)
            case facts.CheckpointWritesSaved():
                self._write(event)
            case facts.CheckpointsDeleted():
                self._hidden.update((place.namespace, place.checkpoint_id) for place in event.checkpoints)
            case _:
                self._forget()

    @property
    def empty(self) -> bool:
        """Whether nothing is saved of it, not even hidden."""
        return not self._saved and not self._writes

    def find(self, namespace: str, checkpoint_id: str | None) -> facts.CheckpointSaved | None:
        """The checkpoint of that id, or the latest of the namespace; None when there is none such."""
        if checkpoint_id is None:
            return next(self.newest_first(namespace), None)
        return None if (namespace, checkpoint_id) in self._hidden else self.at(namespace, checkpoint_id)

    def at(self, namespace: str, checkpoint_id: str | None) -> facts.CheckpointSaved | None:
        """The checkpoint of that id, deleted or not: what later ones build on."""
        return None if checkpoint_id is None else self._saved.get((namespace, checkpoint_id))

    def newest_first(self, namespace: str | None = None) -> Iterator[facts.CheckpointSaved]:
        """The checkpoints of a namespace, or of all."""
        for place in sorted(self._saved, key=lambda place: place[1], reverse=True):
            if place not in self._hidden and namespace in (None, place[0]):
                yield self._saved[place]

    def ancestors(self, saved: facts.CheckpointSaved) -> Iterator[facts.CheckpointSaved]:
        """The checkpoints that led to this one, the nearest first; deleted ones too."""
        parent = self.at(saved.namespace, saved.parent_id)
        while parent is not None:
            yield parent
            parent = self.at(parent.namespace, parent.parent_id)

    def writes_of(self, saved: facts.CheckpointSaved) -> list[tuple[str, str, Serialized]]:
        """What tasks have written on top of a checkpoint, in LangGraph's order: (task id, channel, value)."""
        written = self._writes.get((saved.namespace, saved.checkpoint_id), {})
        # LangGraph's own order: by the task's path, then its id, then the place among the task's writes.
        ordered = sorted((path, task_id, index) for (task_id, index), (path, _) in written.items())
        found = [(task_id, written[task_id, index][1]) for _, task_id, index in ordered]
        return [(task_id, write.channel, write.value) for task_id, write in found]

    def has_write(self, place: Place, task_id: str, index: int) -> bool:
        """Whether the task's write at this index is known; special writes (negative) may be made anew."""
        return index >= 0 and (task_id, index) in self._writes.get(place, {})

    def has_saved(self, fact: facts.CheckpointSaved) -> bool:
        """Whether the checkpoint is there already, with the same content."""
        known = self.find(fact.namespace, fact.checkpoint_id)
        place = {"originator_version", "timestamp"}
        return known is not None and known.model_dump(exclude=place) == fact.model_dump(exclude=place)

    def maps(self, saved: facts.CheckpointSaved) -> tuple[Versions, Seen]:
        """The version of each channel at a checkpoint, and what each node had seen by then; to be read only."""
        chain = []
        at: facts.CheckpointSaved | None = saved
        while at is not None and at.originator_version != self._mapped:
            chain.append(at)
            at = None if at.base is None else self._by_version[at.base]
        versions, seen = ({}, {}) if at is None else (self._maps[0].copy(), self._maps[1].copy())
        for event in reversed(chain):
            patch(versions, event.versions)
            patch(seen, event.seen)
        self._mapped, self._maps = saved.originator_version, (versions, seen)
        return versions, seen

    def values(self, saved: facts.CheckpointSaved) -> dict[str, Serialized]:
        """The channels that had a value at a checkpoint."""
        versions, _ = self.maps(saved)
        stored = {
            channel: self._values.get((saved.namespace, channel, version)) for channel, version in versions.items()
        }
        return {channel: value for channel, value in stored.items() if value is not None}

    def _save(self, event: facts.CheckpointSaved) -> None:
        place = (event.namespace, event.checkpoint_id)
        if place in self._hidden:
            self._hidden.discard(place)
            self._writes.pop(place, None)
        self._saved[place] = self._by_version[event.originator_version] = event
        for channel, value in event.values.items():
            version = event.versions[channel]
            if version is not None:
                self._values[event.namespace, channel, version] = value

    def _write(self, event: facts.CheckpointWritesSaved) -> None:
        place = (event.namespace, event.checkpoint_id)
        for write in event.writes:
            if not self.has_write(place, event.task_id, write.index):
                self._writes.setdefault(place, {})[event.task_id, write.index] = (event.task_path, write)

    def _forget(self) -> None:
        self._saved: dict[Place, facts.CheckpointSaved] = {}
        self._by_version: dict[int, facts.CheckpointSaved] = {}
        self._values: dict[tuple[str, str, ChannelVersion], Serialized | None] = {}
        self._writes: dict[Place, dict[tuple[str, int], tuple[str, facts.ChannelWrite]]] = {}
        self._hidden: set[Place] = set()


def changes(before: Mapping[str, V], after: Mapping[str, V]) -> dict[str, V | None]:
    """What `patch` needs to make the one into the other; None for what is there no more."""
    gone: dict[str, V | None] = {key: None for key in before if key not in after}
    return gone | {key: value for key, value in after.items() if before.get(key) != value}


def patch(mapping: dict[str, V], with_changes: Mapping[str, V | None]) -> None:
    """Change the mapping in place."""
    for key, value in with_changes.items():
        if value is None:
            mapping.pop(key, None)
        else:
            mapping[key] = value

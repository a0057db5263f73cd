"""LangGraph's checkpoints in the event store: every one is a fact, in a stream of its thread."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from chassis.ledger import EventStore
from contracts import checkpoint_events as facts
from contracts.checkpoint_events import Serialized
from execution.langgraph import forgetting
from execution.langgraph.thread_facts import ThreadFacts, following
from execution.langgraph.threads import Seen, Thread, Versions, changes

PRUNING = {"keep_latest": forgetting.all_but_the_latest, "delete": forgetting.everything}
"""What is forgotten, by LangGraph's word for it."""

OWN_MEMBERS = ("channel_values", "channel_versions", "versions_seen")
"""The members of a checkpoint that a fact carries by themselves, as changes."""


class EventStoreSaver(BaseCheckpointSaver[str]):
    """Keeps LangGraph's threads as facts; asynchronous only.

    Reading folds the thread's stream. Writing remembers the threads it wrote to, so keep a saver for as long as its
    runs last and no longer. Several savers, also in several processes, may write to one thread.
    """

    def __init__(self, store: EventStore) -> None:
        """`store` is the execution service's ledger. Values are plain data: reading makes no other classes of them."""
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._facts = ThreadFacts(store)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that the config names, else the latest of its thread; None when there is none such."""
        thread = await self._facts.read(thread_id_of(config))
        saved = thread.find(namespace_of(config), get_checkpoint_id(config))
        return None if saved is None else self._tuple(thread, saved)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """A thread's checkpoints, the newest first; without a config those of all threads (reads the ledger)."""
        left = limit
        for thread_id in await self._facts.thread_ids() if config is None else [thread_id_of(config)]:
            thread = await self._facts.read(thread_id)
            for saved in between(thread, config, before):
                metadata = self._loaded(saved.metadata)
                if any(metadata.get(key) != value for key, value in (filter or {}).items()):
                    continue
                if left is not None:
                    if left <= 0:
                        return
                    left -= 1
                yield self._tuple(thread, saved)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Record a checkpoint as the change since its parent; returns once it is durable. Said twice, recorded once."""
        thread_id, namespace = thread_id_of(config), namespace_of(config)
        values, versions, seen = (
            checkpoint["channel_values"],
            checkpoint["channel_versions"],
            checkpoint["versions_seen"],
        )
        rest = {name: value for name, value in checkpoint.items() if name not in OWN_MEMBERS}
        written = {
            channel: self._dumped(values[channel]) if channel in values else None
            for channel in new_versions
            if channel in versions
        }

        def decide(thread: Thread) -> list[facts.CheckpointEvent]:
            parent_id = get_checkpoint_id(config)
            parent = thread.at(namespace, parent_id)
            before: tuple[Versions, Seen] = ({}, {}) if parent is None else thread.maps(parent)
            fact = facts.CheckpointSaved(
                **following(thread),
                namespace=namespace,
                checkpoint_id=checkpoint["id"],
                parent_id=parent_id,
                base=None if parent is None else parent.originator_version,
                checkpoint=self._dumped(rest),
                metadata=self._dumped(get_checkpoint_metadata(config, metadata)),
                versions=changes(before[0], versions) | {channel: versions[channel] for channel in written},
                seen=changes(before[1], seen),
                values=written,
            )
            return [] if thread.has_saved(fact) else [fact]

        await self._facts.record(thread_id, decide)
        return config_of(thread_id, namespace, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Record what a task wrote on top of a checkpoint. Said twice, it is recorded once."""
        thread_id, namespace = thread_id_of(config), namespace_of(config)
        checkpoint_id = str(config["configurable"]["checkpoint_id"])
        written = [
            facts.ChannelWrite(index=WRITES_IDX_MAP.get(channel, index), channel=channel, value=self._dumped(value))
            for index, (channel, value) in enumerate(writes)
        ]

        def decide(thread: Thread) -> list[facts.CheckpointEvent]:
            place = (namespace, checkpoint_id)
            new = tuple(write for write in written if not thread.has_write(place, task_id, write.index))
            fact = facts.CheckpointWritesSaved(
                **following(thread),
                namespace=namespace,
                checkpoint_id=checkpoint_id,
                task_id=task_id,
                task_path=task_path,
                writes=new,
            )
            return [fact] if new else []

        await self._facts.record(thread_id, decide)

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget all that is saved of a thread."""
        await self._facts.record(thread_id, forgetting.everything)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Forget the checkpoints of these runs (`run_id` in their metadata). Reads the ledger to find their threads."""
        wanted = set(run_ids)

        def decide(thread: Thread) -> list[facts.CheckpointEvent]:
            found = thread.newest_first()
            return forgetting.these(thread, [s for s in found if self._loaded(s.metadata).get("run_id") in wanted])

        for thread_id in await self._facts.thread_ids() if wanted else ():
            await self._facts.record(thread_id, decide)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Record everything that one thread holds in another one too."""
        await self._facts.copy(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Forget all but the latest checkpoint of each namespace, or (`delete`) everything."""
        if strategy not in PRUNING:
            raise ValueError(f"{strategy!r} is no way to prune; say {' or '.join(map(repr, PRUNING))}")
        for thread_id in thread_ids:
            await self._facts.record(thread_id, PRUNING[strategy])

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What was written to each channel since its last stored value; pruned checkpoints on the way count too."""
        thread = await self._facts.read(thread_id_of(config))
        saved = thread.find(namespace_of(config), get_checkpoint_id(config))
        return {channel: self._channel_history(thread, saved, channel) for channel in channels}

    def get_next_version(self, current: str | None, channel: None) -> str:
        """A version above `current`; two branches that leave one checkpoint get different ones."""
        number = 0 if current is None else int(str(current).split(".")[0])
        return f"{number + 1:010}.{token_hex(4)}"

    def _channel_history(
        self, thread: Thread, saved: facts.CheckpointSaved | None, channel: str
    ) -> DeltaChannelHistory:
        newest_first: list[PendingWrite] = []
        for ancestor in thread.ancestors(saved) if saved else ():
            written = [write for write in thread.writes_of(ancestor) if write[1] == channel]
            newest_first += [(task_id, name, self._loaded(value)) for task_id, name, value in reversed(written)]
            if (seed := thread.values(ancestor).get(channel)) is not None:
                return {"writes": newest_first[::-1], "seed": self._loaded(seed)}
        return {"writes": newest_first[::-1]}

    def _tuple(self, thread: Thread, saved: facts.CheckpointSaved) -> CheckpointTuple:
        versions, seen = thread.maps(saved)
        values = thread.values(saved)
        checkpoint: Checkpoint = self._loaded(saved.checkpoint)
        checkpoint["channel_values"] = {channel: self._loaded(value) for channel, value in values.items()}
        checkpoint["channel_versions"] = versions.copy()
        checkpoint["versions_seen"] = {node: channels.copy() for node, channels in seen.items()}
        written = thread.writes_of(saved)
        return CheckpointTuple(
            config=config_of(thread.id, saved.namespace, saved.checkpoint_id),
            checkpoint=checkpoint,
            metadata=self._loaded(saved.metadata),
            parent_config=config_of(thread.id, saved.namespace, saved.parent_id) if saved.parent_id else None,
            pending_writes=[(task_id, channel, self._loaded(value)) for task_id, channel, value in written],
        )

    def _dumped(self, value: Any) -> Serialized:
        form, data = self.serde.dumps_typed(value)
        return Serialized(form=form, data=bytes(data))

    def _loaded(self, value: Serialized) -> Any:
        return self.serde.loads_typed((value.form, value.data))


def thread_id_of(config: RunnableConfig) -> str:
    """The thread that a config is about."""
    return str(config["configurable"]["thread_id"])


def namespace_of(config: RunnableConfig) -> str:
    """The namespace of the (sub)graph that a config is about; that of the graph itself is empty."""
    return str(config["configurable"].get("checkpoint_ns", ""))


def config_of(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    """The config that names one checkpoint."""
    place = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    return {"configurable": place}


def between(
    thread: Thread, config: RunnableConfig | None, before: RunnableConfig | None
) -> Iterator[facts.CheckpointSaved]:
    """The checkpoints that fit a config's namespace and id where it has them, and came before another one."""
    names = config["configurable"] if config else {}
    only = names.get("checkpoint_id")
    until = get_checkpoint_id(before) if before else None
    for saved in thread.newest_first(names.get("checkpoint_ns")):
        if only in (None, saved.checkpoint_id) and (until is None or saved.checkpoint_id < until):
            yield saved

"""The facts of one LangGraph thread: what it saved to go on from, each as the change since the one before."""

import base64
import binascii
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from contracts.message import Event, Message


def from_base64(value: object) -> object:
    """Base64 text as the bytes it stands for; whatever is no text is left to the validator that follows."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"must be base64 text: {error}") from error


def to_base64(value: bytes) -> str:
    """Bytes as base64 text (RFC 4648, on one line)."""
    return base64.b64encode(value).decode()


Base64 = Annotated[
    bytes, BeforeValidator(from_base64, json_schema_input_type=str), PlainSerializer(to_base64, when_used="json")
]
"""Bytes inside, base64 text on the wire."""

ChannelVersion = int | float | str
"""LangGraph compares them and asks for nothing else."""


class Serialized(Message):
    """A value as LangGraph's serializer wrote it."""

    form: str
    """The serializer's word for how to read `data`: `msgpack`, `bytes`, `null`."""
    data: Base64


class CheckpointEvent(Event):
    """A fact about one thread (`thread_id`), in a stream of the thread's own."""

    SERVICE = "execution"

    thread_id: str


class CheckpointSaved(CheckpointEvent):
    """A thread can go on from here. Carries what has changed since the checkpoint that `base` names."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    base: int | None
    """The version in this stream of the checkpoint that `versions` and `seen` change; None when they are whole."""
    checkpoint: Serialized
    """What is neither a channel nor a version."""
    metadata: Serialized
    versions: dict[str, ChannelVersion | None]
    """The channels that moved and all that are in `values`; None for one that is there no more."""
    seen: dict[str, dict[str, ChannelVersion] | None]
    """The nodes that saw other versions than before, with all that they have seen."""
    values: dict[str, Serialized | None]
    """The values of the channels that moved; None for one that is empty."""


class ChannelWrite(Message):
    """What a task wrote to one channel; `index` is its place among the task's writes, negative for special ones."""

    index: int
    channel: str
    value: Serialized


class CheckpointWritesSaved(CheckpointEvent):
    """A task that follows on a checkpoint has written; the next checkpoint will hold it."""

    namespace: str
    checkpoint_id: str
    task_id: str
    task_path: str
    writes: tuple[ChannelWrite, ...]


class CheckpointPlace(Message):
    """Where a checkpoint is in its thread."""

    namespace: str
    checkpoint_id: str


class CheckpointsDeleted(CheckpointEvent):
    """Nobody goes on from these any more; what later ones say about them stays readable."""

    checkpoints: tuple[CheckpointPlace, ...]


class CheckpointThreadDeleted(CheckpointEvent):
    """The thread is empty, as if nothing had been saved."""


CHECKPOINT_EVENTS: tuple[type[CheckpointEvent], ...] = (
    CheckpointSaved,
    CheckpointWritesSaved,
    CheckpointsDeleted,
    CheckpointThreadDeleted,
)
"""Everything that is said of LangGraph's threads."""

"""What a service hears and says, as an AsyncAPI 3 document made from its table of handlers and its events."""

import inspect
import json
from dataclasses import dataclass
from typing import Any

from faststream.nats import NatsBroker
from faststream.specification import AsyncAPI
from pydantic import TypeAdapter

from chassis.service import Service
from contracts.message import NAMESPACE, PLACE, Event, Request
from contracts.refusal import RefusalView

VERSION = "0.1.0"
SERVER = "nats://127.0.0.1:4222"
AGGREGATE = "aggregate_id"
SCHEMAS = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Heard:
    """One channel that the service listens to."""

    title: str
    message_type: type[Any]
    subject: str
    queue: str = ""


def asyncapi(service: Service[Any]) -> dict[str, Any]:
    """The document of a service; needs no connection. The handlers' docstrings are its text."""
    broker = NatsBroker(specification_url=SERVER)
    for request_type, handler in service.answers.items():
        description = inspect.getdoc(handler) or inspect.getdoc(request_type)
        heard = Heard(request_type.__name__, request_type, request_type.subject(NAMESPACE), service.name)
        _document(broker, heard, description)
    for event_type in service.says:
        subject = _event_subject(service.name, event_type)
        description = inspect.getdoc(event_type)
        broker.publisher(subject, title=event_type.topic(), description=description, schema=event_type)
    for source, event_type in _heard(service):
        description = f"{inspect.getdoc(event_type)} Heard through a durable pull consumer."
        heard = Heard(_heard_title(source, event_type), event_type, _event_subject(source, event_type))
        _document(broker, heard, description)
    specification = AsyncAPI(broker, title=f"Headrace {service.name}", version=VERSION)
    document: dict[str, Any] = json.loads(specification.to_specification().to_json())
    for message in document["components"]["messages"].values():
        # FastStream's own header, which nothing here sends.
        message.pop("correlationId", None)
    for request_type in service.answers:
        _add_reply(document, request_type)
    said = [(event_type.topic(), event_type) for event_type in service.says]
    heard_events = [(_heard_title(source, event_type), event_type) for source, event_type in _heard(service)]
    for channel, event_type in (*said, *heard_events):
        _add_envelope(document, channel, event_type)
    return document


def _document(broker: NatsBroker, heard: Heard, description: str | None) -> None:
    async def documented(message: Any) -> None: ...

    documented.__name__ = heard.title
    documented.__annotations__ = {"message": heard.message_type}
    subscriber = broker.subscriber(heard.subject, queue=heard.queue, title=heard.title, description=description)
    subscriber(documented)


def _heard(service: Service[Any]) -> list[tuple[str, type[Event]]]:
    """Each event type that the service hears, with the service that says it."""
    return [(source, event_type) for source, event_types in service.hears for event_type in event_types]


def _heard_title(source: str, event_type: type[Event]) -> str:
    """Not the event's own name, because a service may hear what it says."""
    return f"{event_type.topic()}From{source.capitalize()}"


def _event_subject(service: str, event_type: type[Event]) -> str:
    return f"{NAMESPACE}.{service}.{event_type.topic()}.{{{AGGREGATE}}}"


def _add_reply(document: dict[str, Any], request_type: type[Request]) -> None:
    """Name what comes back, which FastStream's own document leaves out: the answer, or a refusal."""
    name, channel = request_type.__name__, f"{request_type.__name__}Reply"
    messages = {
        "answer": {"name": f"{name}Answer", "payload": _schema(document, request_type.ANSWER)},
        "refusal": {
            "name": "Refusal",
            "summary": "Sent instead of the answer, with the header `Headrace-Refusal`.",
            "payload": _schema(document, RefusalView),
        },
    }
    document["channels"][channel] = {"address": None, "messages": messages}
    document["operations"][name]["reply"] = {
        "address": {"location": "$message.header#/reply"},
        "channel": {"$ref": f"#/channels/{channel}"},
    }


def _add_envelope(document: dict[str, Any], channel: str, event_type: type[Event]) -> None:
    """Say where an event's place in its stream and its causes are: in the address and the headers, not in the body."""
    document["channels"][channel]["parameters"] = {AGGREGATE: {"description": "What the fact is about (`ce-subject`)."}}
    schema = document["components"]["schemas"][event_type.__name__]
    schema["properties"] = {name: found for name, found in schema["properties"].items() if name not in PLACE}
    schema["required"] = [name for name in schema["required"] if name not in PLACE]
    for name, message in document["components"]["messages"].items():
        if name.startswith(f"{channel}:"):
            message["correlationId"] = {"location": "$message.header#/Headrace-Correlation"}


def _schema(document: dict[str, Any], answer_type: Any) -> dict[str, Any]:
    schema = TypeAdapter(answer_type).json_schema(ref_template=SCHEMAS, mode="serialization")
    known = document["components"]["schemas"]
    for model, definition in schema.pop("$defs", {}).items():
        known.setdefault(model, definition)
    return schema

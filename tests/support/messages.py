"""Every command, query and event as a page for people: subject, members, and what it means."""

import importlib
import inspect
from collections.abc import Iterable, Iterator
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from contracts.blueprint import BLUEPRINT_EVENTS
from contracts.checkpoint_events import CHECKPOINT_EVENTS
from contracts.instance_events import INSTANCE_EVENTS
from contracts.message import NAMESPACE, Command, Event, Query, Request

MODULES = ("contracts.blueprint", "contracts.execution", "contracts.steering", "contracts.caching", "contracts.metrics")
EVENTS: tuple[type[Event], ...] = (*BLUEPRINT_EVENTS, *INSTANCE_EVENTS, *CHECKPOINT_EVENTS)
OPENING = f"""# Messages

<!-- Generated from the code by `./task docs`; edits here are lost. -->

What the services say to each other and to the gateway. `{NAMESPACE}` is the namespace of the deployment
(`HEADRACE_NAMESPACE`).

- **Commands** and **queries** are asked over NATS request/reply. Each carries `caller` (`user_id`, `teams`, `roles`).
  The reply is the JSON of the answer, or a refusal marked by the header `Headrace-Refusal`.
- **Events** are facts on the JetStream stream of the service that says them, in the order of its ledger. The body is
  the payload as recorded, with its `timestamp`; place and cause travel in the headers (`ce-id`, `ce-type`,
  `ce-subject`, `Headrace-Version`, `Headrace-Position`, `Headrace-Previous`,
  `Headrace-Milestone-Before` where the service has milestones, `traceparent`).
- **Tokens** of a model's answer on its way travel on `{NAMESPACE}.tokens.spoken.<instance>`, are never recorded, and
  look like `{{"node_id": …, "visit": …, "text": …}}`.
- A new member never breaks a reader: unknown members are ignored, and what an older payload lacks has a default.
"""


def messages_page() -> str:
    """The whole page, in Markdown."""
    modules = [importlib.import_module(name) for name in MODULES]
    sections = [
        OPENING,
        "## Commands\n",
        *(_request(found) for module in modules for found in requests_in(module, Command)),
        "## Queries\n",
        *(_request(found) for module in modules for found in requests_in(module, Query)),
        "## Events\n",
        *(_event(found) for found in EVENTS),
    ]
    return "\n".join(sections)


def requests_in(module: ModuleType, kind: type[Request]) -> Iterator[type[Request]]:
    """The requests of a kind that a module defines and a service answers, in the order they are written."""
    for found in vars(module).values():
        if inspect.isclass(found) and issubclass(found, kind) and is_asked(found, module):
            yield found


def is_asked(found: type[Request], module: ModuleType) -> bool:
    """Whether it is a request of this module that is sent as it is; those that others build on are not."""
    return found.__module__ == module.__name__ and hasattr(found, "ANSWER") and not found.__subclasses__()


def type_text(annotation: Any) -> str:
    """A type as a reader would write it, without the validators around it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0])
    if origin is Literal:
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value).lower() for value in arguments)
    if origin in (Union, UnionType):
        return " | ".join(type_text(part) for part in arguments)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(type_text(part) for part in arguments)}]"
    if annotation in (None, NoneType):
        return "null"
    return "…" if annotation is ... else str(getattr(annotation, "__name__", annotation))


def _request(found: type[Request]) -> str:
    answer = type_text(found.ANSWER)
    return _entry(found, found.subject(), f"answered with `{answer}`", hidden={"caller"})


def _event(found: type[Event]) -> str:
    version = f"version {found.class_version}"
    subject = f"{NAMESPACE}.{found.SERVICE}.{found.topic()}.<id>"
    return _entry(found, subject, version, hidden={"originator_id", "originator_version", "timestamp"})


def _entry(found: type[BaseModel], subject: str, remark: str, hidden: Iterable[str]) -> str:
    members = {name: field for name, field in found.model_fields.items() if name not in hidden}
    lines = [f"### {found.__name__}", "", f"`{subject}` · {remark}", "", inspect.getdoc(found) or "", ""]
    if members:
        lines += ["| member | type | default |", "|---|---|---|"]
        lines += [_row(name, field) for name, field in members.items()]
        lines.append("")
    return "\n".join(lines)


def _row(name: str, field: FieldInfo) -> str:
    text = type_text(field.annotation).replace("|", "\\|")
    return f"| `{name}` | {text} | {_default(field)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "`null`" if value is None else f"`{value!r}`"

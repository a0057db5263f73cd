"""What an API key may be used for is checked before any handler hears of the request."""

from typing import Any, cast
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.answering import Desk
from contracts import access, api_keys, audit, blueprint, caching, execution, metrics, quotas, secrets, steering
from contracts.blueprint import ArchiveBlueprint, GetBlueprint, ResolveBlueprint
from contracts.execution import CancelInstance, GetInstance
from contracts.message import Caller, Capability, Command, Message, Query, Request
from contracts.refusal import RefusalView
from contracts.steering import PauseInstance

MODULES = (access, api_keys, audit, blueprint, caching, execution, metrics, quotas, secrets, steering)
ANSWERED = b"{}"


class Answers:
    """A handler, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[Request] = []

    async def __call__(self, request: Request, deps: None) -> bytes:
        self.heard.append(request)
        return ANSWERED


def key(*scopes: Capability) -> Caller:
    return Caller(user_id="ann", scopes=scopes)


async def asked(request: Request) -> tuple[Message | None, int]:
    """The refusal, if there is one, and how often the handler was asked."""
    handler = Answers()
    desk = Desk(type(request), handler, None, 1_000)
    message = Msg(cast("Client", None), data=request.model_dump_json().encode())
    _, body = await desk.answer(message)
    return (None if body == ANSWERED else RefusalView.model_validate_json(body)), len(handler.heard)


@pytest.mark.parametrize(
    ("request_type", "enough", "too_narrow"),
    [
        (GetBlueprint, key("read"), key("execute", "steer", "edit", "manage")),
        (ArchiveBlueprint, key("edit"), key("read", "execute", "steer", "manage")),
        (CancelInstance, key("steer"), key("read", "execute", "edit", "manage")),
        (GetInstance, key("read", "steer"), key()),
        (PauseInstance, Caller(user_id="ann"), key("read")),
        (ResolveBlueprint, key(), None),
    ],
)
async def test_a_request_is_answered_to_a_key_that_has_its_scope(
    request_type: type[Request], enough: Caller, too_narrow: Caller | None
) -> None:
    member = "blueprint_id" if request_type.SERVICE == "blueprint" else "instance_id"

    def request(caller: Caller) -> Request:
        return request_type.model_validate({"caller": caller, member: uuid4()})

    assert await asked(request(enough)) == (None, 1)
    if too_narrow is None:
        return
    refusal, heard = await asked(request(too_narrow))
    assert isinstance(refusal, RefusalView)
    assert (refusal.status, refusal.code, heard) == (403, "out_of_scope", 0)
    assert f"`{request_type.NEEDS}`" in refusal.detail


def requests() -> list[type[Request]]:
    """Every command and every query that a contract holds."""
    kinds = (Request, Command, Query)
    found: list[Any] = [kind for module in MODULES for kind in vars(module).values()]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, Request) and kind not in kinds]


def test_a_command_needs_more_than_to_read_and_a_query_no_less() -> None:
    commands = {kind.__name__: kind.NEEDS for kind in requests() if issubclass(kind, Command)}
    queries = {kind.__name__: kind.NEEDS for kind in requests() if issubclass(kind, Query)}

    assert {name for name, needed in commands.items() if needed in (None, "read")} == {"RecordAudit"}
    assert {name for name, needed in queries.items() if needed is None} == {"ResolveBlueprint"}


def test_what_follows_on_a_request_that_was_let_in_needs_no_scope_of_its_own() -> None:
    assert key("execute").once_let_in() == Caller(user_id="ann")
    assert Caller(user_id="ann", roles=("viewer",)).once_let_in() == Caller(user_id="ann", roles=("viewer",))

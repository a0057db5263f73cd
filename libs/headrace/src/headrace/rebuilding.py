"""Read models made anew: asked of the running service, which goes on answering from the old rows meanwhile."""

import json
from typing import Any

from headrace.errors import Complaint

ANSWER_SECONDS = 5.0
REBUILD_SECONDS = 6 * 3600.0
"""A rebuild takes as long as its ledger is long."""


async def rebuild(nats_url: str, namespace: str, service: str, projection: str | None) -> dict[str, int]:
    """The position that the new rows show, by projection: of the one that is named, else of all of the service."""
    from chassis.bus import Bus
    from contracts.refusal import Unavailable

    try:
        bus = await Bus.connect(nats_url, namespace, "headrace rebuild")
    except Unavailable as error:
        raise Complaint(f"NATS does not answer ({error.detail}): start the stack with `headrace up`.") from error
    try:
        known = await _projections(bus, service)
        if projection is not None and projection not in known:
            raise Complaint(f"{service} keeps no projection {projection!r}: choose one of {', '.join(known)}.")
        return {name: await _rebuild(bus, service, name) for name in ([projection] if projection else known)}
    finally:
        await bus.close()


async def _projections(bus: Any, service: str) -> list[str]:
    answer = json.loads(await _ask(bus, service, "ping", b"", ANSWER_SECONDS))
    return [str(projection["name"]) for projection in answer["projections"]]


async def _rebuild(bus: Any, service: str, projection: str) -> int:
    question = json.dumps({"projection": projection}).encode()
    return int(json.loads(await _ask(bus, service, "rebuild", question, REBUILD_SECONDS))["position"])


async def _ask(bus: Any, service: str, verb: str, question: bytes, seconds: float) -> bytes:
    from nats.errors import NoRespondersError

    from chassis.bus import REFUSAL_HEADER

    try:
        answer = await bus.nc.request(bus.subject("ops", service, verb), question, timeout=seconds)
    except (NoRespondersError, TimeoutError) as error:
        raise Complaint(f"No {service} service answers: start it, then ask again.") from error
    if answer.headers and REFUSAL_HEADER in answer.headers:
        raise Complaint(f"{service} refused: {json.loads(answer.data)['detail']}")
    return bytes(answer.data)

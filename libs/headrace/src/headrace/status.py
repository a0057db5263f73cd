"""What `headrace status` knows: the supervisor's processes, what each service process answers, and the gateway."""

import asyncio
import json
from pathlib import Path
from typing import Any

import nats
from nats.aio.msg import Msg
from nats.errors import Error

from headrace.client import Headrace
from headrace.data_dir import State, read_state
from headrace.errors import Complaint, Unreachable
from headrace.services import MIGRATIONS

Picture = dict[str, Any]

ANSWER_SECONDS = 0.4
"""A process that has not answered a ping by then is shown without an answer."""
CONNECT_SECONDS = 2


def picture(data_dir: Path, url: str | None) -> Picture:
    """Everything known of the stack on the data directory, or what the gateway at `url` says of its own."""
    if url is not None:
        return {"url": url, **_readiness(url)}
    state = read_state(data_dir)
    if state is None:
        raise Complaint(
            f"No stack runs on {data_dir}: start one with `headrace up`, or name one with --data-dir or --url."
        )
    answers = asyncio.run(_ping(state))
    processes = {name: _process(name, pid, state, answers) for name, pid in state.processes.items()}
    servers = "embedded" if state.embedded else "outside"
    return {
        "url": state.url,
        **_readiness(state.url),
        "pid": state.pid,
        "namespace": state.namespace,
        "servers": servers,
        "processes": processes,
    }


def _process(name: str, pid: int | None, state: State, answers: dict[int, Picture]) -> Picture:
    answer = answers.get(pid or 0)
    found: Picture = {"pid": pid, "restarts": state.restarts.get(name, 0)}
    if answer is not None:
        projections = answer.get("projections", ())
        found |= {"ready": answer["ready"], "lag": {one["name"]: one["lag"] for one in projections}}
    return found


def _readiness(url: str) -> Picture:
    try:
        with Headrace(url) as client:
            found = client.readiness()
    except Unreachable as error:
        return {"ready": False, "reason": str(error)}
    ready = found.get("status") == "ready"
    return {"ready": ready} if ready else {"ready": False, "reason": found.get("detail", "not ready")}


async def _ping(state: State) -> dict[int, Picture]:
    """What each service process says of itself, by pid; nothing when NATS is away."""
    from chassis.bus import inbox_prefix
    from chassis.transport import nats_tls

    answers: dict[int, Picture] = {}

    async def take(message: Msg) -> None:
        answer = json.loads(message.data)
        answers[int(answer["pid"])] = answer

    try:
        connection = await nats.connect(
            state.nats_url,
            connect_timeout=CONNECT_SECONDS,
            allow_reconnect=False,
            inbox_prefix=inbox_prefix(state.nats_url),
            tls=nats_tls(state.nats_url),
        )
        inbox = connection.new_inbox()
        await connection.subscribe(inbox, cb=take)
        for service in MIGRATIONS:
            await connection.publish(f"{state.namespace}.ops.{service}.ping", b"", reply=inbox)
        await asyncio.sleep(ANSWER_SECONDS)
        await connection.close()
    except (Error, OSError):
        answers.clear()
    return answers


def sentences(found: Picture) -> list[str]:
    """The picture as lines for a terminal."""
    lines = [f"ready  {found['url']}" if found["ready"] else f"not ready  {found['url']}: {found['reason']}"]
    for name, process in found.get("processes", {}).items():
        facts = [f"pid {process['pid']}" if process["pid"] else "being started again"]
        if "ready" in process:
            facts.append("ready" if process["ready"] else "draining")
            facts += [f"{projection} {lag} behind" for projection, lag in process["lag"].items() if lag]
        if process["restarts"]:
            facts.append(f"restarts {process['restarts']}")
        lines.append(f"  {name:<12} {' · '.join(facts)}")
    return lines

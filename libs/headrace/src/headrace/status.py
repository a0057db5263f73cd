"""What `headrace status` knows: the supervisor's processes, and what the gateway says of the services."""

from pathlib import Path
from typing import Any

from headrace.client import Headrace
from headrace.data_dir import State, read_state
from headrace.errors import Complaint, Unreachable

Picture = dict[str, Any]


def picture(data_dir: Path, url: str | None) -> Picture:
    """Everything known of the stack on the data directory, or of the one at `url`."""
    state = read_state(data_dir) if url is None else None
    if url is None and state is None:
        raise Complaint(
            f"No stack runs on {data_dir}: start one with `headrace up`, or name one with --data-dir or --url."
        )
    where = url or (state.url if state else "")
    return {"url": where, **_readiness(where), **_local(state)}


def _readiness(url: str) -> Picture:
    try:
        with Headrace(url) as client:
            found = client.readiness()
    except Unreachable:
        return {"ready": False, "services": {}}
    return {"ready": found.get("status") in ("ready", "ok"), "services": found.get("services", {})}


def _local(state: State | None) -> Picture:
    if state is None:
        return {}
    processes = {name: {"pid": pid, "restarts": state.restarts.get(name, 0)} for name, pid in state.processes.items()}
    servers = "embedded" if state.embedded else "outside"
    return {"pid": state.pid, "namespace": state.namespace, "servers": servers, "processes": processes}


def sentences(found: Picture) -> list[str]:
    """The picture as lines for a terminal."""
    lines = [f"{'ready' if found['ready'] else 'not ready'}  {found['url']}"]
    for name, process in found.get("processes", {}).items():
        pid = f"pid {process['pid']}" if process["pid"] else "being started again"
        again = f" · restarts {process['restarts']}" if process["restarts"] else ""
        lines.append(f"  {name:<12} {pid}{again}")
    for name, service in found["services"].items():
        lines.append(f"  {name:<12} {_words(service)}")
    return lines


def _words(service: Any) -> str:
    if isinstance(service, dict):
        return " · ".join(f"{key} {value}" for key, value in service.items())
    return str(service)

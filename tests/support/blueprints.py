"""Bodies of `POST /blueprints` for specifications: short to write, plain to read."""

from itertools import pairwise
from typing import Any

Json = dict[str, Any]


def step(id: str, type: str = "tool", **config: Any) -> Json:
    """A node; a tool that echoes its own name unless told otherwise."""
    if type == "tool":
        config = {"name": "echo", "arguments": {"node": id}, **config}
    return {"id": id, "type": type, "config": config}


def nap(id: str, seconds: float | str, **config: Any) -> Json:
    """A node that keeps its worker for so long."""
    return step(id, name="sleep", arguments={"seconds": seconds}, **config)


def line(id: str, path: object, text: str) -> Json:
    """A node that writes one line to a file."""
    return step(id, name="append_line", arguments={"path": str(path), "text": text})


def chain(*steps: Json, name: str = "chain", **body: Any) -> Json:
    """One step after the other."""
    nodes = [{"id": "start", "type": "start"}, *steps]
    edges = [{"source": before["id"], "target": after["id"]} for before, after in pairwise(nodes)]
    return {"name": name, "nodes": nodes, "edges": edges, **body}


def fan(*steps: Json, name: str = "fan", **body: Any) -> Json:
    """All steps side by side, each at once."""
    nodes = [{"id": "start", "type": "start"}, *steps]
    edges = [{"source": "start", "target": each["id"]} for each in steps]
    config = {"executor": "parallel", "max_parallel": max(len(steps), 1)}
    return {"name": name, "nodes": nodes, "edges": edges, "config": config, **body}


def passes(*steps: Json) -> Json:
    """The body of a loop, a map or a region: one step after the other, with a start of its own."""
    nodes = [{"id": f"{steps[0]['id']}_start", "type": "start"}, *steps]
    return {"nodes": nodes, "edges": [{"source": a["id"], "target": b["id"]} for a, b in pairwise(nodes)]}

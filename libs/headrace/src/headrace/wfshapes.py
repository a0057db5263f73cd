"""Workflows with the shapes of the recorded ones, for machines that do not have the recordings."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from headrace.wfformat import SCHEMA_VERSION

SEED = 5
Layer = tuple[str, int, float]
"""A name for the tasks, how many there are, their mean runtime in seconds."""
Wiring = Callable[[int, int, int], Sequence[int]]
"""(place in the layer, its size, size of the layer before) -> places of the parents in the layer before."""


def _same(place: int, size: int, before: int) -> Sequence[int]:
    return (place * before // size,)


def _all(place: int, size: int, before: int) -> Sequence[int]:
    return range(before)


def _neighbours(place: int, size: int, before: int) -> Sequence[int]:
    return sorted({place * before // size, (place * before // size + 1) % before})


def _share(place: int, size: int, before: int) -> Sequence[int]:
    return range(place * before // size, max((place + 1) * before // size, place * before // size + 1))


SHAPES: Mapping[str, Sequence[tuple[Layer, Wiring]]] = {
    "chain-5": [((f"step{number}", 1, 100.0), _same) for number in range(1, 6)],
    "forkjoin-10": [(("fork", 1, 100.0), _same), (("work", 8, 103.0), _all), (("join", 1, 103.0), _all)],
    "scrnaseq-14": [
        (("prepare", 5, 40.0), _same),
        (("index", 2, 300.0), _share),
        (("align", 2, 200.0), _same),
        (("convert", 4, 30.0), _same),
        (("report", 1, 12.0), _all),
    ],
    "blast-103": [(("split", 1, 3.0), _same), (("search", 100, 1422.0), _all), (("merge", 2, 1.0), _all)],
    "montage-103": [
        (("project", 21, 13.0), _same),
        (("overlap", 56, 0.5), _neighbours),
        (("model", 1, 10.0), _all),
        (("correct", 21, 0.6), _all),
        (("table", 1, 2.0), _all),
        (("add", 3, 12.0), _all),
    ],
    "genome-572": [
        (("individuals", 220, 120.0), _same),
        (("merge", 22, 90.0), _share),
        (("overlap", 154, 60.0), _same),
        (("frequency", 176, 50.0), _same),
    ],
    "montage-2122": [
        (("project", 108, 600.0), _same),
        (("overlap", 1_900, 3.0), _neighbours),
        (("model", 1, 850.0), _all),
        (("correct", 108, 5.0), _all),
        (("table", 1, 20.0), _all),
        (("add", 4, 60.0), _all),
    ],
}


def generated() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and WfFormat document of each shape; the same ones every time."""
    for name, layers in SHAPES.items():
        yield name, _document(name, layers)


def _document(name: str, layers: Sequence[tuple[Layer, Wiring]]) -> dict[str, Any]:
    draw = random.Random(SEED)  # noqa: S311 - runtimes, not secrets
    before: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    runtimes: list[dict[str, Any]] = []
    for (kind, size, mean), wiring in layers:
        layer: list[dict[str, Any]] = []
        for place in range(size):
            parents = [before[index] for index in wiring(place, size, len(before))] if before else []
            task = {"id": f"{kind}_{place + 1:05}", "parents": [parent["id"] for parent in parents], "children": []}
            for parent in parents:
                parent["children"].append(task["id"])
            layer.append(task)
            runtimes.append({"id": task["id"], "runtimeInSeconds": round(mean * draw.uniform(0.6, 1.4), 3)})
        tasks += layer
        before = layer
    return {
        "name": name,
        "schemaVersion": SCHEMA_VERSION,
        "workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": runtimes}},
    }

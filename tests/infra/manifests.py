"""The Kubernetes manifests as kustomize would hand them over: the base, with its patch laid over the services."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.infra.compose import INFRA

BASE = INFRA / "kubernetes/base"
Manifest = dict[str, Any]


def kustomization() -> Manifest:
    """What belongs to the base."""
    found: Manifest = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    return found


def documents(name: str) -> list[Manifest]:
    """The documents of one file of the base."""
    return [found for found in yaml.safe_load_all((BASE / name).read_text()) if found]


def manifests() -> list[Manifest]:
    """Every object that is applied."""
    found = [document for name in kustomization()["resources"] for document in documents(name)]
    for patch in kustomization()["patches"]:
        [overlay] = documents(patch["path"])
        label, value = patch["target"]["labelSelector"].split("=")
        for document in found:
            labels = document["metadata"].get("labels", {})
            if document["kind"] == patch["target"]["kind"] and labels.get(label) == value:
                merge(document, {**overlay, "metadata": {}})
    return found


def merge(into: Manifest, patch: Manifest) -> None:
    """Lay a strategic merge patch over an object: lists of named things by their names."""
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in value):
            present = into.setdefault(key, [])
            for one in value:
                named = next((known for known in present if known["name"] == one["name"]), None)
                merge(named, one) if named is not None else present.append(one)
        else:
            into[key] = value


def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    """The pod template of everything that runs, by name."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in objects if "template" in one.get("spec", {})}


def containers(pod: Manifest) -> list[Manifest]:
    """All of a pod's containers."""
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def references(value: Any, key: str) -> Iterator[Any]:
    """Every value that stands under `key`, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from references(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner, key)


OBJECTS = manifests()
PODS = pods(OBJECTS)
RUNNING = sorted(set(PODS) - {"migrations"})


def of_kind(kind: str) -> list[Manifest]:
    """The objects of one kind."""
    return [one for one in OBJECTS if one["kind"] == kind]


def labels_of(pod: Manifest) -> set[tuple[str, str]]:
    """What selectors see of a pod."""
    return set(pod["metadata"]["labels"].items())


def container_of(name: str) -> Manifest:
    """The container that does the work."""
    found: Manifest = PODS[name]["spec"]["containers"][0]
    return found


def environment(container: Manifest) -> dict[str, str]:
    """Its variables, those from the ConfigMap too; a secret stands for itself."""
    shared = of_kind("ConfigMap")[0]["data"] if "envFrom" in container else {}
    own = {one["name"]: str(one.get("value", "secret")) for one in container.get("env", ())}
    known = shared | own
    return {name: re.sub(r"\$\((\w+)\)", lambda found: known[found[1]], value) for name, value in known.items()}

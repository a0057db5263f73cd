"""Bring a blueprint file into a stack: created once, a new version when it changed, reused otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.client import Headrace
from headrace.connection import JsonObject
from headrace.errors import Complaint


def publish(client: Headrace, body: Mapping[str, Any], owner: str | None) -> tuple[JsonObject, str]:
    """The blueprint that `owner` now has with the file's name and content, and how it came about.

    That is `created`, `updated` or `unchanged`.
    """
    found = _own(client, body.get("name"), owner)
    if found is None:
        return client.create_blueprint(body), "created"
    blueprint = client.blueprint(str(found["id"]))
    if _same(body, blueprint):
        return blueprint, "unchanged"
    return client.update_blueprint(str(found["id"]), body, if_match=blueprint["version"]), "updated"


def publish_all(
    client: Headrace, bodies: Sequence[Mapping[str, Any]], owner: str | None
) -> tuple[JsonObject, dict[str, str], str]:
    """The last blueprint, the ids of those before it by name, and what became of each file, for people."""
    published = [publish(client, body, owner) for body in bodies]
    *companions, blueprint = (one for one, _ in published)
    sentences = "\n".join(f"{one['name']} · version {one['version']} ({done})" for one, done in published)
    return blueprint, {one["name"]: one["id"] for one in companions}, sentences


def naming(given: Any, companions: Mapping[str, str]) -> Any:
    """The input with the ids of other blueprints in it, as `blueprints.NAME`; without any it stays as it is."""
    if not companions:
        return given
    named = given.get("blueprints", {}) if isinstance(given, dict) else None
    if not isinstance(named, dict):
        raise Complaint("--with puts ids into the input, as blueprints.NAME: make --input an object.")
    return {**given, "blueprints": {**named, **companions}}


def _own(client: Headrace, name: Any, owner: str | None) -> JsonObject | None:
    if not isinstance(name, str) or not name or owner is None:
        return None
    return next((found for found in client.blueprints(owner=owner, q=name) if found["name"] == name), None)


def _same(body: Mapping[str, Any], blueprint: Mapping[str, Any]) -> bool:
    """Whether the two say the same once defaults are filled in; a body that breaks the rules is like no other."""
    # Imported here: only this comparison needs the contracts.
    from pydantic import ValidationError

    from contracts.blueprint import BlueprintBody

    members = BlueprintBody.model_fields
    try:
        ours = BlueprintBody.model_validate(body)
        theirs = BlueprintBody.model_validate({name: blueprint[name] for name in members if name in blueprint})
    except ValidationError:
        return False
    return ours == theirs

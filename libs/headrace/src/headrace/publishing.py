"""Bring a blueprint file into a stack: created once, a new version when it changed, reused otherwise."""

from collections.abc import Mapping
from typing import Any

from headrace.client import Headrace
from headrace.connection import JsonObject


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

"""One version between its contract and its rows: what has a shape has columns, what is free-form stays JSON."""

from pydantic_core import to_json

from blueprint.config_columns import config_columns
from contracts.blueprint import BlueprintVersionRecorded
from contracts.message import JsonObject
from contracts.workflow import Caught, Edge, ErrorType, Node, Position

ANY_ERROR = "any"
"""Stands alone in an edge's column when it is taken after whatever error."""

Row = JsonObject
"""Column -> value, ready to be written as JSON."""


def version_row(recorded: BlueprintVersionRecorded) -> Row:
    """The row of `workflow_blueprint_versions`."""
    row = {
        "blueprint_id": recorded.originator_id,
        "version": recorded.version,
        "name": recorded.name,
        "description": recorded.description,
        "is_template": recorded.is_template,
        "node_count": len(recorded.nodes),
        "recorded_at": recorded.timestamp,
        "recorded_by": recorded.by,
    }
    listed_bytes = len(to_json((row, recorded.config, recorded.tags)))
    return row | config_columns(recorded.config) | {"listed_bytes": listed_bytes}


def node_rows(recorded: BlueprintVersionRecorded) -> list[Row]:
    """The rows of `workflow_nodes`, in order."""
    return [
        {
            "blueprint_id": recorded.originator_id,
            "version": recorded.version,
            "ordinal": ordinal,
            "node_id": node.id,
            "type": node.type,
            "name": node.name,
            "config": node.config,
            "position_x": node.position and node.position.x,
            "position_y": node.position and node.position.y,
        }
        for ordinal, node in enumerate(recorded.nodes)
    ]


def edge_rows(recorded: BlueprintVersionRecorded) -> list[Row]:
    """The rows of `workflow_edges`, in order."""
    return [
        {
            "blueprint_id": recorded.originator_id,
            "version": recorded.version,
            "ordinal": ordinal,
            "source": edge.source,
            "target": edge.target,
            "condition": edge.condition,
            "edge_id": edge.id,
            "on_error": [ANY_ERROR] if edge.on_error == ANY_ERROR else edge.on_error,
        }
        for ordinal, edge in enumerate(recorded.edges)
    ]


def tag_rows(recorded: BlueprintVersionRecorded) -> list[Row]:
    """The rows of `blueprint_tags`, in order."""
    place = {"blueprint_id": recorded.originator_id, "version": recorded.version}
    return [{**place, "ordinal": ordinal, "tag": tag} for ordinal, tag in enumerate(recorded.tags)]


def node_from(id: str, type: str, name: str | None, config: JsonObject, *position: float | None) -> Node:
    """The node that a row of `workflow_nodes` holds (its content alone, without the place)."""
    x, y = position
    drawn_at = None if x is None or y is None else Position.model_construct(x=x, y=y)
    return Node.model_construct(id=id, type=type, name=name, config=config, position=drawn_at)


def edge_from(
    source: str, target: str, condition: str | None, id: str | None, on_error: list[ErrorType] | None
) -> Edge:
    """The edge that a row of `workflow_edges` holds (its content alone, without the place)."""
    caught: Caught | None = None
    if on_error is not None:
        caught = "any" if on_error == [ANY_ERROR] else tuple(on_error)
    return Edge.model_construct(source=source, target=target, condition=condition, id=id, on_error=caught)

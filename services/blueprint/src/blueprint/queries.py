"""Rows to views: one version, lists, the template library; and, from the ledger itself, what a run needs to know."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from blueprint import listing, validation
from blueprint.collaborators import Collaborators
from blueprint.config_columns import COLUMNS, config_from
from blueprint.listing import Listing
from blueprint.permissions import not_found, sharing_problems
from blueprint.version_rows import edge_from, node_from
from chassis.answering import Answerer
from chassis.paging import moment_cursor
from contracts.blueprint import (
    BlueprintPage,
    BlueprintReference,
    BlueprintSummary,
    BlueprintView,
    GetBlueprint,
    ListBlueprints,
    ListTemplates,
    ResolveBlueprint,
    TemplatePage,
    TemplateSummary,
    ValidateBlueprint,
    ValidateText,
    ValidationView,
)
from contracts.message import JsonObject, Request
from contracts.refusal import Missing
from contracts.roles import teams_where

MAX_VERSION = 2**31 - 1
"""What the column can hold, hence more than any blueprint has."""

CONFIG = ", ".join(f"v.{column}" for column in COLUMNS)
GET = f"""
SELECT b.blueprint_id, b.owner_id, b.team_id, b.visibility, b.parent_id, b.created_at, b.archived_at,
       v.version, v.name, v.description, v.is_template, v.recorded_at, {CONFIG},
       (
           SELECT json_agg(
               json_build_array(n.node_id, n.type, n.name, n.config, n.position_x, n.position_y) ORDER BY n.ordinal
           )
           FROM workflow_nodes AS n WHERE n.blueprint_id = v.blueprint_id AND n.version = v.version
       ) AS nodes,
       (
           SELECT json_agg(json_build_array(e.source, e.target, e.condition, e.edge_id, e.on_error) ORDER BY e.ordinal)
           FROM workflow_edges AS e WHERE e.blueprint_id = v.blueprint_id AND e.version = v.version
       ) AS edges,
       ARRAY(
           SELECT t.tag FROM blueprint_tags AS t
           WHERE t.blueprint_id = v.blueprint_id AND t.version = v.version ORDER BY t.ordinal
       ) AS tags
FROM workflow_blueprints AS b
LEFT JOIN workflow_blueprint_versions AS v ON v.blueprint_id = b.blueprint_id AND v.version = coalesce($2, b.version)
WHERE b.blueprint_id = $1 AND (
    b.visibility = 'public' OR b.owner_id = $3 OR (b.visibility = 'team' AND b.team_id = ANY($4::text[]))
)
"""  # noqa: S608 - made of constants
"""One statement, hence one moment: the version with its nodes, edges and tags in their order.

`contracts.blueprint.may_see` stands in it, so that what the caller may not see costs as little as what is not there.
"""

Entry = TypeVar("Entry", bound=BlueprintSummary)


async def validate(query: ValidateBlueprint, at: Collaborators) -> ValidationView:
    """What creation would refuse."""
    problems = await validation.problems_of(query.body, query.caller)
    return ValidationView(valid=not problems, problems=problems)


async def validate_text(query: ValidateText, at: Collaborators) -> ValidationView:
    """What creation or an update would refuse, were the body in shape for it."""
    judge_sharing = sharing_problems
    if query.blueprint_id is not None:
        await at.references.check_seen(query.blueprint_id, query.caller)
        blueprint = await at.blueprints.get(query.blueprint_id)
        blueprint.check_revisable(query.caller, query.if_match)
        judge_sharing = blueprint.sharing_problems
    problems = await validation.text_problems(query.text.encode(), lambda body: judge_sharing(body, query.caller))
    return ValidationView(valid=not problems, problems=problems)


async def get(query: GetBlueprint, at: Collaborators) -> BlueprintView:
    """One version, the latest unless asked otherwise; archived blueprints stay readable."""
    version = None if query.version is None else max(0, min(query.version, MAX_VERSION))
    teams = teams_where(query.caller, "read")
    found = await at.rows.fetch(GET, query.blueprint_id, version, query.caller.user_id, teams)
    if not found:
        raise not_found(query.blueprint_id)
    if found[0]["version"] is None:
        raise no_such_version(query.blueprint_id, query.version)
    return _view(found[0])


async def resolve(query: ResolveBlueprint, at: Collaborators) -> BlueprintReference:
    """The facts a run needs; never stale, because the ledger itself is asked."""
    reference = await at.references.check_seen(query.blueprint_id, query.caller)
    version = reference.latest_version if query.version is None else query.version
    if not 1 <= version <= reference.latest_version:
        raise no_such_version(query.blueprint_id, version)
    return reference.model_copy(update={"version": version})


async def list_blueprints(query: ListBlueprints, at: Collaborators) -> BlueprintPage:
    """What the caller may see and is in use, filtered, newest first."""
    asked = _listing(query)
    for condition, value in (
        (listing.OWNER, query.owner),
        (listing.TEAM, query.team),
        (listing.NODE_TYPE, query.node_type),
    ):
        if value is not None:
            asked.only(condition, value)
    if query.is_template is not None:
        asked.only(listing.TEMPLATE if query.is_template else listing.NO_TEMPLATE)
    items, next_cursor = await _page(asked, at, _summary)
    return BlueprintPage(items=items, next_cursor=next_cursor)


async def list_templates(query: ListTemplates, at: Collaborators) -> TemplatePage:
    """The library: every template that the caller may clone, newest first."""
    asked = _listing(query)
    asked.only(listing.TEMPLATE)
    items, next_cursor = await _page(asked, at, _template)
    return TemplatePage(items=items, next_cursor=next_cursor)


def no_such_version(id: UUID, version: int | None) -> Missing:
    """The blueprint is there, this version of it is not."""
    return Missing("version_not_found", f"Blueprint {id} has no version {version}.")


def _listing(query: ListBlueprints | ListTemplates) -> Listing:
    asked = Listing(query.caller, query.limit)
    asked.after(query.cursor)
    if query.tag is not None:
        asked.only(listing.TAG, query.tag)
    if query.q is not None:
        asked.matching(query.q)
    return asked


async def _page(
    asked: Listing, at: Collaborators, entry: Callable[[asyncpg.Record], Entry]
) -> tuple[tuple[Entry, ...], str | None]:
    found = await at.rows.fetch(asked.statement(COLUMNS), *asked.arguments())
    shown = found[: asked.limit]
    is_last = not shown or len(shown) == shown[0]["found"]
    next_cursor = None if is_last else moment_cursor(shown[-1]["created_at"], shown[-1]["blueprint_id"])
    return tuple(entry(row) for row in shown), next_cursor


def _view(row: Mapping[str, Any]) -> BlueprintView:
    return BlueprintView.model_construct(
        **_described(row),
        nodes=tuple(node_from(*node) for node in from_json(row["nodes"] or "[]")),
        edges=tuple(edge_from(*edge) for edge in from_json(row["edges"] or "[]")),
    )


def _summary(row: Mapping[str, Any]) -> BlueprintSummary:
    return BlueprintSummary.model_construct(**_described(row), node_count=row["node_count"])


def _template(row: Mapping[str, Any]) -> TemplateSummary:
    counts = {"node_count": row["node_count"], "clone_count": row["clone_count"]}
    return TemplateSummary.model_construct(**_described(row), **counts)


def _described(row: Mapping[str, Any]) -> JsonObject:
    """The members that a version has in a list as well as alone."""
    same = ("name", "description", "version", "is_template", "parent_id", "owner_id", "team_id", "visibility")
    return {member: row[member] for member in same} | {
        "id": row["blueprint_id"],
        "config": config_from(row),
        "tags": tuple(row["tags"]),
        "created_at": row["created_at"],
        "updated_at": row["recorded_at"],
        "archived_at": row["archived_at"],
    }


QUERIES: Mapping[type[Request], Answerer] = {
    ValidateBlueprint: validate,
    ValidateText: validate_text,
    GetBlueprint: get,
    ResolveBlueprint: resolve,
    ListBlueprints: list_blueprints,
    ListTemplates: list_templates,
}
"""Every query of this service, and who answers it."""

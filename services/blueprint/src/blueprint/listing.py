"""Keyset pages of what a caller may see: the SQL of a list, and the cursor that goes on after a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.paging import read_moment_cursor
from contracts.message import Caller
from contracts.refusal import Malformed
from contracts.roles import teams_where

MAX_PAGE_BYTES = 4 * 1024 * 1024
"""A page of large entries ends early, so that its answer fits into one message."""

WHO = {
    "own": "workflow_blueprints AS b WHERE b.owner_id = $1",
    "public": "workflow_blueprints AS b WHERE b.visibility = 'public' AND b.owner_id <> $1",
    "team": "workflow_blueprints AS b WHERE b.visibility = 'team' AND b.owner_id <> $1 AND b.team_id = teams.team",
}
"""The reasons to see a blueprint; no blueprint is seen for two of them."""

SHOWN = """
b.blueprint_id, b.owner_id, b.team_id, b.visibility, b.parent_id, b.version, b.is_template, b.clone_count, b.created_at,
b.archived_at
"""
BRANCH = f"""
SELECT {SHOWN} FROM {{who}} AND b.archived_at IS NULL{{conditions}}
ORDER BY b.created_at DESC, b.blueprint_id DESC LIMIT $3
"""  # noqa: S608 - made of constants
PAGE = """
WITH visible AS (
    ({own})
    UNION ALL ({public})
    UNION ALL (
        SELECT found.* FROM unnest($2::text[]) AS teams (team) CROSS JOIN LATERAL ({team}) AS found
    )
), page AS (
    SELECT * FROM visible ORDER BY created_at DESC, blueprint_id DESC LIMIT $3
), sized AS (
    SELECT b.*, v.name, v.description, v.node_count, v.recorded_at, v.listed_bytes, {config},
           sum(v.listed_bytes) OVER (ORDER BY b.created_at DESC, b.blueprint_id DESC) AS bytes_so_far,
           count(*) OVER () AS found
    FROM page AS b
    JOIN workflow_blueprint_versions AS v ON v.blueprint_id = b.blueprint_id AND v.version = b.version
)
SELECT sized.*,
       ARRAY(
           SELECT tag FROM blueprint_tags AS t
           WHERE t.blueprint_id = sized.blueprint_id AND t.version = sized.version ORDER BY t.ordinal
       ) AS tags
FROM sized
WHERE bytes_so_far <= {max_bytes} OR bytes_so_far = listed_bytes
ORDER BY created_at DESC, blueprint_id DESC
"""
"""Each branch walks its own index from the cursor on and stops after one page: the rows before it cost nothing."""

AFTER = "(b.created_at, b.blueprint_id) < ({}, {})"
OWNER = "b.owner_id = {}"
TEAM = "b.team_id = {}"
TEXT = "b.search_text LIKE {}"
TEMPLATE = "b.is_template"
NO_TEMPLATE = "NOT b.is_template"
TAG = """EXISTS (
    SELECT FROM blueprint_tags AS t WHERE t.tag = {} AND t.blueprint_id = b.blueprint_id AND t.version = b.version
)"""
NODE_TYPE = """EXISTS (
    SELECT FROM workflow_nodes AS n WHERE n.type = {} AND n.blueprint_id = b.blueprint_id AND n.version = b.version
)"""


@dataclass
class Listing:
    """One list being asked for: conditions are added, then it is turned into one statement and its arguments."""

    caller: Caller
    limit: int
    conditions: list[str] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)

    def only(self, condition: str, *values: Any) -> None:
        """Ask only for blueprints that fulfil `condition`; `{}` stands for each of the values."""
        if any("\0" in value for value in values if isinstance(value, str)):
            raise Malformed("nul_character", "A filter cannot hold the character U+0000: leave it out.")
        first = len(self.filters) + 4
        self.conditions.append(condition.format(*(f"${first + place}" for place in range(len(values)))))
        self.filters += values

    def matching(self, text: str) -> None:
        """Ask only for blueprints with `text` in their name, description or tags, whatever the case."""
        escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        self.only(TEXT, f"%{escaped}%")

    def after(self, cursor: str | None) -> None:
        """Go on after the page that answered `cursor`; from the newest on without one."""
        if cursor is not None:
            self.only(AFTER, *read_moment_cursor(cursor))

    def statement(self, config_columns: Sequence[str]) -> str:
        """The SQL of one page. It answers one row more than the limit when there is another page."""
        conditions = "".join(f" AND {condition}" for condition in self.conditions)
        branches = {reason: BRANCH.format(who=who, conditions=conditions) for reason, who in WHO.items()}
        config = ", ".join(f"v.{column}" for column in config_columns)
        return PAGE.format(**branches, config=config, max_bytes=MAX_PAGE_BYTES)

    def arguments(self) -> list[Any]:
        """The values of the statement's parameters."""
        return [self.caller.user_id, teams_where(self.caller, "read"), self.limit + 1, *self.filters]

"""The old system's tables with what our own read models hold: its dump restored beside our schemas, then filled."""

import subprocess
from pathlib import Path

from headrace.embedded.binaries import postgres_binary
from tests.benchmarks.stack import BenchStack

OLD_ID = "(left(replace({0}::text, '-', ''), 12) || right(replace({0}::text, '-', ''), 14))"
"""Twenty-six characters that sort by time, as the old ids do."""
USERS = """
INSERT INTO public.users
SELECT one.*
FROM (SELECT DISTINCT user_id AS owner FROM execution.workflow_instances
      UNION SELECT owner_id FROM blueprint.workflow_blueprints) AS owners,
     LATERAL (SELECT to_jsonb(users) AS row FROM public.users LIMIT 1) AS known,
     LATERAL jsonb_populate_record(NULL::public.users, known.row || jsonb_build_object(
         'id', rpad(owner, 26, '0'), 'username', owner, 'email', owner || '@example.com'
     )) AS one
"""
DEFINITIONS = f"""
INSERT INTO public.workflow_definitions (
    id, owner_id, name, description, nodes, edges, workflow_metadata, version, is_public, tags, created_at, updated_at
)
SELECT {OLD_ID.format("b.blueprint_id")}, rpad(b.owner_id, 26, '0'), v.name, v.description,
       (SELECT json_agg(json_build_object(
            'id', n.node_id, 'type', n.type, 'position', json_build_object('x', 0, 'y', 100 * n.ordinal),
            'data', json_build_object('label', n.node_id, 'nodeType', n.type, 'config', n.config),
            'selected', false, 'dragging', false
        ) ORDER BY n.ordinal)
        FROM blueprint.workflow_nodes AS n WHERE (n.blueprint_id, n.version) = (b.blueprint_id, b.version)),
       (SELECT json_agg(json_build_object(
            'id', 'e' || e.ordinal, 'source', e.source, 'target', e.target, 'type', 'default',
            'data', json_build_object('condition', e.condition)
        ) ORDER BY e.ordinal)
        FROM blueprint.workflow_edges AS e WHERE (e.blueprint_id, e.version) = (b.blueprint_id, b.version)),
       '{{}}', b.version, b.visibility = 'public', '[]', b.created_at, v.recorded_at
FROM blueprint.workflow_blueprints AS b JOIN blueprint.workflow_blueprint_versions AS v USING (blueprint_id, version)
"""
EXECUTIONS = f"""
INSERT INTO public.workflow_executions (
    id, definition_id, owner_id, status, started_at, completed_at, execution_time_ms, input_data, output_data,
    error_message, execution_log, tokens_used, cost, created_at, updated_at
)
SELECT {OLD_ID.format("instance_id")}, {OLD_ID.format("blueprint_id")}, rpad(user_id, 26, '0'), status, started_at,
       completed_at, greatest(1, execution_time_ms::integer), input, output, error_message, '[]',
       prompt_tokens + completion_tokens, cost, created_at, completed_at
FROM execution.workflow_instances
"""


def fill(stack: BenchStack, dump: Path) -> None:
    """The same blueprints and instances as ours, in the tables, indexes and constraints of the dump."""
    restore = [str(postgres_binary("psql")), "-d", stack.superuser_dsn, "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*restore, "-o", "/dev/null", "-f", str(dump)], check=True)
    for statement in (USERS, DEFINITIONS, EXECUTIONS):
        stack.rows(statement.replace("%", "%%"))
    for table in ("workflow_definitions", "workflow_executions"):
        stack.rows(f"VACUUM (ANALYZE) public.{table}")


def old_id(id: str) -> str:
    """What one of our ids became there."""
    digits = id.replace("-", "")
    return digits[:12] + digits[-14:]


def old_owner(user_id: str) -> str:
    """What one of our users became there."""
    return user_id.ljust(26, "0")

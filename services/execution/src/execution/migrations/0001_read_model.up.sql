CREATE TABLE workflow_instances (
    instance_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    blueprint_id uuid NOT NULL,
    blueprint_version integer NOT NULL,
    user_id text NOT NULL,
    team_id text,
    status text NOT NULL,
    input json,
    output json,
    metadata json NOT NULL,
    error_type text,
    error_code text,
    error_message text,
    error_node_id text,
    conversation_id text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    worker_id uuid,
    resumes_at timestamptz,
    execution_time_ms double precision NOT NULL DEFAULT 0,
    queue_time_ms double precision NOT NULL DEFAULT 0,
    nodes_executed integer NOT NULL DEFAULT 0,
    prompt_tokens bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost numeric NOT NULL DEFAULT 0,
    tool_calls integer NOT NULL DEFAULT 0,
    errors integer NOT NULL DEFAULT 0,
    retries integer NOT NULL DEFAULT 0,
    cache_hits integer NOT NULL DEFAULT 0,
    timed_nodes text[] NOT NULL DEFAULT '{}',
    node_times_ms double precision[] NOT NULL DEFAULT '{}'
);
CREATE INDEX workflow_instances_user ON workflow_instances (user_id, created_at DESC, instance_id DESC);
CREATE INDEX workflow_instances_team ON workflow_instances (team_id, created_at DESC, instance_id DESC)
    WHERE team_id IS NOT NULL;
CREATE INDEX workflow_instances_user_status ON workflow_instances (user_id, status, created_at DESC, instance_id DESC);
CREATE INDEX workflow_instances_blueprint
    ON workflow_instances (blueprint_id, status, created_at DESC, instance_id DESC);
CREATE INDEX workflow_instances_conversation
    ON workflow_instances (conversation_id, created_at DESC, instance_id DESC) WHERE conversation_id IS NOT NULL;
CREATE INDEX workflow_instances_active ON workflow_instances (worker_id) WHERE status IN ('pending', 'running');
CREATE INDEX workflow_instances_waiting ON workflow_instances (resumes_at) WHERE status = 'waiting';

CREATE TABLE known_versions (
    blueprint_id uuid NOT NULL,
    version integer NOT NULL,
    definition bytea NOT NULL,
    PRIMARY KEY (blueprint_id, version)
);

CREATE TABLE workers (
    worker_id uuid PRIMARY KEY,
    lock_number integer GENERATED ALWAYS AS IDENTITY,
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE cache_entries (
    cache_key text PRIMARY KEY,
    output bytea NOT NULL,
    instance_id uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX cache_entries_expiry ON cache_entries (expires_at);

CREATE TABLE rate_limits (
    limit_key text PRIMARY KEY,
    arrives_at timestamptz NOT NULL,
    refused boolean NOT NULL
);

CREATE TABLE work_incarnation (
    stream text PRIMARY KEY,
    created_at timestamptz NOT NULL
);

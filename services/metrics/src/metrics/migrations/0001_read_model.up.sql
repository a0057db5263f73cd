-- One row per ended execution: what analytics read where the edge of a window cuts through five minutes.
CREATE TABLE execution_metrics (
    instance_id           uuid PRIMARY KEY,
    blueprint_id          uuid NOT NULL,
    blueprint_version     integer NOT NULL,
    user_id               text NOT NULL,
    team_id               text,
    status                text NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled')),
    ended_at              timestamptz NOT NULL,
    execution_time_ms     numeric NOT NULL,
    queue_time_ms         numeric NOT NULL,
    nodes_executed        bigint NOT NULL,
    prompt_tokens         bigint NOT NULL,
    completion_tokens     bigint NOT NULL,
    cost                  numeric NOT NULL,
    tool_calls            bigint NOT NULL,
    errors                bigint NOT NULL,
    retries               bigint NOT NULL,
    cache_hits            bigint NOT NULL,
    node_ids              text[] NOT NULL,
    node_execution_times  double precision[] NOT NULL,
    CHECK (cardinality(node_ids) = cardinality(node_execution_times))
);
COMMENT ON COLUMN execution_metrics.node_execution_times IS 'milliseconds, in the order of node_ids';
CREATE INDEX execution_metrics_of_blueprint ON execution_metrics (blueprint_id, ended_at);
CREATE INDEX execution_metrics_of_user ON execution_metrics (user_id, ended_at);

-- The sums of a day, an hour or five minutes (UTC): of a blueprint (audience '') and of each user's runs of it (audience = user id).
CREATE TABLE execution_rollups (
    audience           text NOT NULL,
    blueprint_id       uuid NOT NULL,
    span               text NOT NULL CHECK (span IN ('day', 'hour', '5 minutes')),
    starts_at          timestamptz NOT NULL,
    first_at           timestamptz NOT NULL,
    last_at            timestamptz NOT NULL,
    completed          bigint NOT NULL,
    failed             bigint NOT NULL,
    cancelled          bigint NOT NULL,
    duration_ms        numeric NOT NULL,
    prompt_tokens      bigint NOT NULL,
    completion_tokens  bigint NOT NULL,
    cost               numeric NOT NULL,
    retries            bigint NOT NULL,
    cache_hits         bigint NOT NULL,
    first_bucket       integer NOT NULL,
    bucket_counts      bigint[] NOT NULL,
    PRIMARY KEY (audience, span, blueprint_id, starts_at)
);
COMMENT ON COLUMN execution_rollups.bucket_counts IS 'durations in logarithmic buckets, the first of them first_bucket';
CREATE INDEX execution_rollups_of_audience ON execution_rollups (audience, span, starts_at);

-- How long each node took, in the same stretches of time, of all runs of the blueprint.
CREATE TABLE node_rollups (
    blueprint_id   uuid NOT NULL,
    span           text NOT NULL CHECK (span IN ('day', 'hour', '5 minutes')),
    starts_at      timestamptz NOT NULL,
    node_id        text NOT NULL,
    first_bucket   integer NOT NULL,
    bucket_counts  bigint[] NOT NULL,
    PRIMARY KEY (blueprint_id, span, starts_at, node_id)
);

-- What blueprints are called, for people who read their usage.
CREATE TABLE blueprint_names (
    blueprint_id  uuid PRIMARY KEY,
    version       integer NOT NULL,
    name          text NOT NULL
);

-- The time of the last fact of the execution service that was heard: what happened before is counted.
CREATE TABLE known (
    sole   boolean PRIMARY KEY DEFAULT true CHECK (sole),
    until  timestamptz NOT NULL
);

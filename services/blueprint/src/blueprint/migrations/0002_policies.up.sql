-- What a version may also say of how it runs; `rate_limits_*` are arrays of the same length, one element for each limit.
ALTER TABLE workflow_blueprint_versions
    ADD COLUMN cache_key                          text,
    ADD COLUMN retry_never_on                     text[],
    ADD COLUMN instance_retry_max_attempts        integer,
    ADD COLUMN instance_retry_backoff_seconds     double precision,
    ADD COLUMN instance_retry_backoff_factor      double precision,
    ADD COLUMN instance_retry_max_backoff_seconds double precision,
    ADD COLUMN instance_retry_jitter              double precision,
    ADD COLUMN instance_retry_on                  text[],
    ADD COLUMN instance_retry_never_on            text[],
    ADD COLUMN rate_count                         text,
    ADD COLUMN rate_node_type                     text,
    ADD COLUMN rate_model                         text,
    ADD COLUMN rate_limits_limit                  integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate_limits_per_seconds            double precision[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate_limits_scope                  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate_limits_on_limit               text[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate_limits_count                  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate_limits_node_type              text[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate_limits_model                  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN concurrency_key                    text,
    ADD COLUMN concurrency_limit                  integer,
    ADD COLUMN middleware_left_out                text[],
    ADD COLUMN middleware_order                   text[];
UPDATE workflow_blueprint_versions SET retry_never_on = '{}' WHERE retry_max_attempts IS NOT NULL;
UPDATE workflow_blueprint_versions SET rate_count = 'executions' WHERE rate_limit IS NOT NULL;

ALTER TABLE workflow_edges ADD COLUMN on_error text[];
COMMENT ON COLUMN workflow_edges.on_error IS 'types of the errors after which it is taken; {any} stands for all';

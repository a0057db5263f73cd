-- The audit log in the order of its chain; who, from where and what for are sealed.
CREATE TABLE audit_log (
    seq      bigint      PRIMARY KEY,
    at       timestamptz NOT NULL,
    action   text        NOT NULL,
    status   integer     NOT NULL,
    refusal  text,
    sealed   text        NOT NULL,
    key_name text        NOT NULL,
    hash     text        NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at DESC, seq DESC);
CREATE INDEX audit_log_by_key ON audit_log (key_name, at DESC, seq DESC);

-- Batches of the last day, so that one that is heard twice is recorded once.
CREATE TABLE audit_batches (
    batch_id    uuid        PRIMARY KEY,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX audit_batches_by_time ON audit_batches (recorded_at);

-- API keys without what opens them: the digests stand in the ledger alone.
CREATE TABLE api_keys (
    key_id     uuid        PRIMARY KEY,
    name       text        NOT NULL,
    owner_id   text        NOT NULL,
    scopes     text[]      NOT NULL,
    teams      text[],
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_of_owner ON api_keys (owner_id, created_at DESC, key_id DESC);

-- Named secrets without their values.
CREATE TABLE secrets (
    kind       text        NOT NULL,
    owner      text        NOT NULL,
    name       text        NOT NULL COLLATE "C",
    version    integer     NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (kind, owner, name)
);

CREATE TABLE quotas (
    kind                  text        NOT NULL,
    owner                 text        NOT NULL,
    executions_per_day    bigint,
    concurrent_executions bigint,
    tokens_per_day        bigint,
    cost_per_day          numeric,
    updated_at            timestamptz NOT NULL,
    PRIMARY KEY (kind, owner)
);

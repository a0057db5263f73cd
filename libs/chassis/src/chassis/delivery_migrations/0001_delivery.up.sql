-- How far each projection has folded the ledger of the service it follows. Moves in the transaction of the rows.
CREATE TABLE checkpoints (
    projection text        NOT NULL PRIMARY KEY,
    source     text        NOT NULL,
    position   bigint      NOT NULL CHECK (position >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Where the relay goes on when its stream is new or empty. Written now and then: the stream itself knows better.
CREATE TABLE relay (
    stream      text        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL CHECK (position >= 0),
    incarnation text        NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Facts that a projection could not take, kept as they came.
CREATE TABLE dead_letters (
    id         uuid        NOT NULL PRIMARY KEY,
    projection text        NOT NULL,
    source     text        NOT NULL,
    position   bigint      NOT NULL,
    event_id   uuid        NOT NULL,
    topic      text        NOT NULL,
    payload    bytea       NOT NULL,
    metadata   bytea,
    error      text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX dead_letters_projection_at_idx ON dead_letters (projection, at);

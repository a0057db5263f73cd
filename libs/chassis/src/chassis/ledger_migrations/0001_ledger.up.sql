-- The layout of eventsourcing's stored events, so that its recorders read this table,
-- and two columns of ours at the end, so that its column lists stay valid.
CREATE TABLE events (
    originator_id      uuid      NOT NULL,
    originator_version bigint    NOT NULL,
    topic              text      NOT NULL,
    state              bytea     NOT NULL,
    notification_id    bigserial NOT NULL,
    event_id           uuid,
    metadata           bytea,
    PRIMARY KEY (originator_id, originator_version)
);

CREATE UNIQUE INDEX events_notification_id_idx ON events (notification_id);

CREATE TABLE known_erasures (
    user_id text PRIMARY KEY
);
COMMENT ON TABLE known_erasures IS 'users that access has erased';

ALTER TABLE workflow_instances ADD COLUMN erased boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN workflow_instances.erased IS 'its content is forgotten';

-- What was told before this table existed is told again.
UPDATE checkpoints SET position = 0 WHERE projection = 'known_access';

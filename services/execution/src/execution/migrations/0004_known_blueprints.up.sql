CREATE TABLE known_blueprints (
    blueprint_id uuid PRIMARY KEY,
    latest_version integer NOT NULL,
    owner_id text NOT NULL,
    team_id text,
    visibility text NOT NULL,
    archived boolean NOT NULL
);
COMMENT ON TABLE known_blueprints IS 'what a run must know of a blueprint before it may start an instance of it';

-- What was told before this table existed is told again; versions that are known already stay as they are.
UPDATE checkpoints SET position = 0 WHERE projection = 'known_versions';

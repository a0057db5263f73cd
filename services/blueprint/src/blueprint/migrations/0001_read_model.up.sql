-- One row per blueprint: who may see it, which version is the latest, how often it was cloned.
CREATE TABLE workflow_blueprints (
    blueprint_id uuid        NOT NULL PRIMARY KEY,
    owner_id     text        NOT NULL,
    team_id      text,
    visibility   text        NOT NULL CHECK (visibility IN ('private', 'team', 'public')),
    parent_id    uuid        REFERENCES workflow_blueprints,
    version      integer     NOT NULL CHECK (version >= 1),
    is_template  boolean     NOT NULL,
    clone_count  bigint      NOT NULL,
    search_text  text        NOT NULL,
    created_at   timestamptz NOT NULL,
    archived_at  timestamptz
);
COMMENT ON COLUMN workflow_blueprints.search_text IS 'name, description and tags of the latest version, in lower case';

-- What lists read: the caller's own, a team's, everybody's; each newest first, so that a page costs the same anywhere.
CREATE INDEX workflow_blueprints_of_owner ON workflow_blueprints (owner_id, created_at, blueprint_id)
    WHERE archived_at IS NULL;
CREATE INDEX workflow_templates_of_owner ON workflow_blueprints (owner_id, created_at, blueprint_id)
    WHERE archived_at IS NULL AND is_template;
CREATE INDEX workflow_blueprints_of_team ON workflow_blueprints (team_id, created_at, blueprint_id)
    WHERE archived_at IS NULL AND visibility = 'team';
CREATE INDEX workflow_blueprints_of_everybody ON workflow_blueprints (created_at, blueprint_id)
    WHERE archived_at IS NULL AND visibility = 'public';
CREATE INDEX workflow_templates_of_everybody ON workflow_blueprints (created_at, blueprint_id)
    WHERE archived_at IS NULL AND visibility = 'public' AND is_template;
CREATE INDEX workflow_blueprints_of_parent ON workflow_blueprints (parent_id) WHERE parent_id IS NOT NULL;

-- One row per version: what it is called and how it runs. Never changed once written.
CREATE TABLE workflow_blueprint_versions (
    blueprint_id              uuid        NOT NULL REFERENCES workflow_blueprints,
    version                   integer     NOT NULL CHECK (version >= 1),
    name                      text        NOT NULL,
    description               text        NOT NULL,
    is_template               boolean     NOT NULL,
    node_count                integer     NOT NULL,
    listed_bytes              integer     NOT NULL,
    recorded_at               timestamptz NOT NULL,
    recorded_by               text        NOT NULL,
    executor                  text,
    timeout_seconds           double precision,
    wait_seconds              double precision,
    provider                  text,
    model                     text,
    temperature               double precision,
    max_parallel              integer,
    max_visits                integer,
    input_schema              json,
    caching                   boolean,
    cache_ttl_seconds         double precision,
    cache_scope               text,
    retry_max_attempts        integer,
    retry_backoff_seconds     double precision,
    retry_backoff_factor      double precision,
    retry_max_backoff_seconds double precision,
    retry_jitter              double precision,
    retry_on                  text[],
    rate_limit                integer,
    rate_per_seconds          double precision,
    rate_scope                text,
    rate_on_limit             text,
    PRIMARY KEY (blueprint_id, version)
);
COMMENT ON COLUMN workflow_blueprint_versions.listed_bytes IS 'about how large the version is in a list, as JSON';
COMMENT ON COLUMN workflow_blueprint_versions.input_schema IS 'json, not jsonb: kept exactly as written, never searched';
COMMENT ON COLUMN workflow_blueprint_versions.caching IS 'null: not said; false: off; true: on, with the two columns after it';

-- The nodes of a version in the order they were written.
CREATE TABLE workflow_nodes (
    blueprint_id uuid    NOT NULL,
    version      integer NOT NULL,
    ordinal      integer NOT NULL,
    node_id      text    NOT NULL,
    type         text    NOT NULL,
    name         text,
    config       json    NOT NULL,
    position_x   double precision,
    position_y   double precision,
    PRIMARY KEY (blueprint_id, version, node_id),
    FOREIGN KEY (blueprint_id, version) REFERENCES workflow_blueprint_versions
);
COMMENT ON COLUMN workflow_nodes.config IS 'json, not jsonb: kept exactly as written, never searched';
CREATE UNIQUE INDEX workflow_nodes_in_order ON workflow_nodes (blueprint_id, version, ordinal);
CREATE INDEX workflow_nodes_of_type ON workflow_nodes (type, blueprint_id, version);

-- The edges of a version in the order they were written, which is the order conditions are tried in. Their ends are
-- checked before a version is recorded; a foreign key on each would make 20,000 edges take seconds to write.
CREATE TABLE workflow_edges (
    blueprint_id uuid    NOT NULL,
    version      integer NOT NULL,
    ordinal      integer NOT NULL,
    source       text    NOT NULL,
    target       text    NOT NULL,
    condition    text,
    edge_id      text,
    PRIMARY KEY (blueprint_id, version, ordinal),
    FOREIGN KEY (blueprint_id, version) REFERENCES workflow_blueprint_versions
);

-- The tags of a version in the order they were written.
CREATE TABLE blueprint_tags (
    blueprint_id uuid    NOT NULL,
    version      integer NOT NULL,
    ordinal      integer NOT NULL,
    tag          text    NOT NULL,
    PRIMARY KEY (blueprint_id, version, ordinal),
    FOREIGN KEY (blueprint_id, version) REFERENCES workflow_blueprint_versions
);
CREATE INDEX blueprint_tags_by_name ON blueprint_tags (tag, blueprint_id, version);

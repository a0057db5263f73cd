-- Who is known; the name is sealed with the user's own key, so that no row shows it once the key is shredded.
CREATE TABLE users (
    user_ref            uuid        PRIMARY KEY,
    user_id             text        NOT NULL UNIQUE,
    sealed_display_name text,
    active              boolean     NOT NULL,
    erased              boolean     NOT NULL,
    created_at          timestamptz NOT NULL
);
COMMENT ON COLUMN users.user_ref IS 'the id of its stream, which follows from user_id';
CREATE INDEX users_newest_first ON users (created_at DESC, user_ref DESC);
CREATE INDEX users_erased ON users (user_ref) WHERE erased;

CREATE TABLE user_roles (
    user_ref uuid NOT NULL REFERENCES users,
    team_id  text NOT NULL,
    role     text NOT NULL,
    PRIMARY KEY (user_ref, team_id, role)
);
COMMENT ON COLUMN user_roles.team_id IS '* stands for the deployment';
CREATE INDEX user_roles_by_team ON user_roles (team_id, user_ref);

-- Keys under which personal data is sealed, each wrapped with the deployment's sealing key. No projection writes this
-- table: what is shredded here comes back from no ledger.
CREATE TABLE data_keys (
    owner       uuid        PRIMARY KEY,
    key_name    uuid        UNIQUE,
    wrapped     text,
    drawn_at    timestamptz,
    shredded_at timestamptz,
    CHECK ((wrapped IS NULL) = (shredded_at IS NOT NULL) AND (wrapped IS NULL) = (key_name IS NULL))
);
COMMENT ON COLUMN data_keys.owner IS 'a user''s stream, or the one id that stands for the deployment';
COMMENT ON COLUMN data_keys.key_name IS 'drawn at random: leads to the owner as long as this row holds it, and no longer';

-- One Postgres, one wall per service: a schema, a shadow schema in which read models are rebuilt, and a role
-- that sees nothing else. psql runs this on every start, so each statement may meet its own earlier work.
-- Passwords come from the environment: HEADRACE_BLUEPRINT_PASSWORD and so on.
\set ON_ERROR_STOP on
\getenv blueprint_password HEADRACE_BLUEPRINT_PASSWORD
\getenv execution_password HEADRACE_EXECUTION_PASSWORD
\getenv metrics_password HEADRACE_METRICS_PASSWORD
\getenv access_password HEADRACE_ACCESS_PASSWORD

CREATE TEMP TABLE service (name text, password text);
INSERT INTO service VALUES
    ('blueprint', :'blueprint_password'),
    ('execution', :'execution_password'),
    ('metrics', :'metrics_password'),
    ('access', :'access_password');

SELECT format('CREATE ROLE %I LOGIN', name)
FROM service WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', name, password) FROM service \gexec
SELECT format('ALTER ROLE %I SET search_path = %I', name, name) FROM service \gexec

SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', name || suffix, name)
FROM service, (VALUES (''), ('_shadow')) AS kind (suffix)
WHERE name || suffix NOT IN (SELECT nspname FROM pg_namespace) \gexec

REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', current_database(), name) FROM service \gexec

DROP TABLE service;

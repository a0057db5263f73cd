DROP TABLE work_incarnation;
DROP TABLE rate_limits;
DROP TABLE cache_entries;
DROP TABLE workers;
DROP TABLE known_versions;
DROP TABLE workflow_instances;

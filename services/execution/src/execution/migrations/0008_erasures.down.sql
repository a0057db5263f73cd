ALTER TABLE workflow_instances DROP COLUMN erased;
DROP TABLE known_erasures;

ALTER TABLE workflow_instances DROP COLUMN stopped_by;

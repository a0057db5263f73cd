ALTER TABLE workflow_instances ADD COLUMN stopped_by text;
COMMENT ON COLUMN workflow_instances.stopped_by IS 'who asked last to cancel or to terminate it';

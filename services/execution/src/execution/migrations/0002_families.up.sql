ALTER TABLE workflow_instances
    ADD COLUMN parent_id uuid,
    ADD COLUMN parent_node_id text,
    ADD COLUMN root_id uuid,
    ADD COLUMN detached boolean NOT NULL DEFAULT false,
    ADD COLUMN parent_told boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN workflow_instances.root_id IS 'the instance that began the family; of an instance without a parent null';
COMMENT ON COLUMN workflow_instances.detached IS 'the parent neither waits for this child nor takes it along when it is cancelled';
COMMENT ON COLUMN workflow_instances.parent_told IS 'the end of this child is recorded in its parent';
CREATE INDEX workflow_instances_children ON workflow_instances (parent_id, created_at DESC, instance_id DESC)
    WHERE parent_id IS NOT NULL;
CREATE INDEX workflow_instances_untold ON workflow_instances (completed_at, instance_id)
    WHERE parent_id IS NOT NULL AND completed_at IS NOT NULL AND NOT detached AND NOT parent_told;
CREATE INDEX workflow_instances_live_children ON workflow_instances (instance_id)
    WHERE parent_id IS NOT NULL AND completed_at IS NULL AND NOT detached;

-- Whoever rests is due when its time comes or something reached it from outside, paused or waiting.
DROP INDEX workflow_instances_waiting;
CREATE INDEX workflow_instances_due ON workflow_instances (resumes_at) WHERE resumes_at IS NOT NULL;

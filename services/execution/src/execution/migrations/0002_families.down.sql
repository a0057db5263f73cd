DROP INDEX workflow_instances_due;
CREATE INDEX workflow_instances_waiting ON workflow_instances (resumes_at) WHERE status = 'waiting';
ALTER TABLE workflow_instances
    DROP COLUMN parent_told,
    DROP COLUMN detached,
    DROP COLUMN root_id,
    DROP COLUMN parent_node_id,
    DROP COLUMN parent_id;

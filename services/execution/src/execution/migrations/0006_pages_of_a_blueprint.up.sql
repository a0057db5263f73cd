-- A page of one's own runs of a blueprint by status: read in order, past nobody else's.
CREATE INDEX workflow_instances_user_blueprint
    ON workflow_instances (user_id, blueprint_id, status, created_at DESC, instance_id DESC);

DROP TABLE blueprint_tags;
DROP TABLE workflow_edges;
DROP TABLE workflow_nodes;
DROP TABLE workflow_blueprint_versions;
DROP TABLE workflow_blueprints;

DROP TABLE known;
DROP TABLE blueprint_names;
DROP TABLE node_rollups;
DROP TABLE execution_rollups;
DROP TABLE execution_metrics;

DROP TABLE audit_batches;
DROP TABLE audit_log;

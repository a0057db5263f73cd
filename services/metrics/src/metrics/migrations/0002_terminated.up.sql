ALTER TABLE execution_metrics
    DROP CONSTRAINT execution_metrics_status_check,
    ADD CONSTRAINT execution_metrics_status_check
        CHECK (status IN ('completed', 'failed', 'cancelled', 'terminated'));

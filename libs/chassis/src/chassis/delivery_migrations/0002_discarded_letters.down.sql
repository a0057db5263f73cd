DELETE FROM dead_letters WHERE discarded_at IS NOT NULL;
ALTER TABLE dead_letters
    DROP COLUMN discarded_at,
    DROP COLUMN discarded_reason;

-- Somebody looked at the letter and decided that it is of no use: it is listed no more, and never put aside again.
ALTER TABLE dead_letters
    ADD COLUMN discarded_at     timestamptz,
    ADD COLUMN discarded_reason text;

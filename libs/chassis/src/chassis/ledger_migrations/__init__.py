"""The ledger's own tables: one row per event, in eventsourcing's layout."""

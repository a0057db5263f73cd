"""Decisions about users, API keys, secrets, quotas and the audit log: pure, from events to events."""

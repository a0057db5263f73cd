"""Strategies for choosing which ready nodes to begin; recording, retrying and resuming exist once, outside."""

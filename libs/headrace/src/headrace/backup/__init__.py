"""Backups: one consistent picture of every schema, with checksums, and the way back into an empty place."""

"""The tables of the access service: its read model, and the keys that stand outside of it."""

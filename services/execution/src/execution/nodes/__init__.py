"""Node types that touch the world: tools, HTTP calls, models."""

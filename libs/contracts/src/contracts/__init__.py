"""The language the services speak: every message that crosses a wall."""

"""The tables of the blueprint read model."""

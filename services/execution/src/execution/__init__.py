"""How a blueprint becomes a running instance."""

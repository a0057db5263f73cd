"""What reaches a run from outside: orders, signals, decisions, and the keys that make them happen once."""

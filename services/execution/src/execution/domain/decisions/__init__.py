"""What happens next: the facts that follow from an instance's history and the time (pure, no I/O)."""

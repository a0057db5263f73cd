"""What answers the facts of a run: one file each, strangers to one another."""

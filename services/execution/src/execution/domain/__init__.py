"""What a run is and what happens next: pure, no I/O."""

"""What executions cost and how long they took."""

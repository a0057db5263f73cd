"""What all workers share in Postgres: answers, limits, sections."""

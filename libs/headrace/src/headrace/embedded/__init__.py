"""PostgreSQL and NATS from wheels, run under one data directory."""

"""The schema of the execution service, in numbered steps up and down."""

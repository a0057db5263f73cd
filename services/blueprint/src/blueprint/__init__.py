"""What a workflow is, and who may use it."""

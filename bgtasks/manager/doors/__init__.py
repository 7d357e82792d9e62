"""What the manager does for its callers, a noun a file."""

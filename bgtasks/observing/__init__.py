"""Who wants to know of changes, inside this process."""

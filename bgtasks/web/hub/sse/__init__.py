"""The hub's clients that read server-sent events."""

"""The HTTP API: list, get, cancel and retry tasks."""

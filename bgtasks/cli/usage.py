"""How a command says that it cannot be carried out, and what the exit codes mean."""

__all__ = ["FAILED", "FINE", "UNUSABLE", "CommandFailedError", "UsageError"]

FINE = 0
FAILED = 1
UNUSABLE = 2


class UsageError(Exception):
    """What was given cannot be used, now or later (exit code 2); the message says why."""


class CommandFailedError(Exception):
    """What was given is fine, but it could not be done (exit code 1); the message says why."""

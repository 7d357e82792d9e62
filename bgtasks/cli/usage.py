"""The errors of a command and their exit codes."""

__all__ = ["FAILED", "FINE", "UNUSABLE", "CommandFailedError", "UsageError"]

FINE = 0
FAILED = 1
UNUSABLE = 2


class UsageError(Exception):
    """The arguments can never be used (exit code 2); the message says why."""


class CommandFailedError(Exception):
    """The arguments are valid, but the command failed (exit code 1); the message says why."""

"""What commands have in common: what names a container, their errors and exit codes."""

__all__ = [
    "ACCEPTED",
    "FAILED",
    "FINE",
    "TYPE_ACTIONS",
    "UNUSABLE",
    "CommandFailedError",
    "UnavailableError",
    "UsageError",
]

FINE = 0
FAILED = 1
UNUSABLE = 2

TYPE_ACTIONS = ("list", "pause", "resume")
"""What can be done to types of tasks, beside what ``types MODULE:CONTAINER`` does."""

ACCEPTED = (
    "accepted: module:name of a container class, a container, or a provider of a "
    "BackgroundTasksContainer, such as myapp.containers:Application"
)


class UsageError(Exception):
    """The arguments can never be used (exit code 2); the message says why."""


class CommandFailedError(Exception):
    """The arguments are valid, but the command failed (exit code 1); the message says why."""


class UnavailableError(CommandFailedError):
    """The application cannot be reached or cannot answer now; another try may succeed."""

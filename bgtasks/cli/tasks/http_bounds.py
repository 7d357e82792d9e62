"""How long an application is waited for over HTTP, and how much of what it says is read."""

from attrs import frozen

from bgtasks.web.protocol import HEARTBEAT

__all__ = ["HttpBounds"]


@frozen(kw_only=True)
class HttpBounds:
    """Waits are in seconds, lengths in bytes."""

    connect: float = 10.0
    """For reaching the application."""
    answer: float = 60.0
    """For one whole answer."""
    silence: float = 3 * HEARTBEAT
    """Without a byte of an event stream, after which the connection is given up."""
    pause: float = 1.0
    """Before the next attempt to connect."""
    give_up: float = 60.0
    """Without an answer, after which the application is given up."""
    max_answer: int = 16 * 1024 * 1024
    """A page ends after 1 MiB; a task is hardly larger than 2."""
    max_event: int = 32 * 1024 * 1024
    """The largest task fits however its text is written."""

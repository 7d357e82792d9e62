"""How long the commands wait for an application over HTTP, and how much they read."""

from attrs import frozen

from bgtasks.web.protocol import HEARTBEAT

__all__ = ["HttpBounds"]


@frozen(kw_only=True)
class HttpBounds:
    """Waits are in seconds, lengths in bytes."""

    connect: float = 10.0
    """The longest wait for a connection."""
    answer: float = 60.0
    """The longest wait for one whole answer."""
    silence: float = 3 * HEARTBEAT
    """After this long without a byte, the connection of an event stream is closed."""
    look: float = 0.3
    """The pause before the next look at a bulk job."""
    pause: float = 1.0
    """The pause before the next attempt to connect."""
    give_up: float = 60.0
    """After this long without an answer, the command fails."""
    max_answer: int = 16 * 1024 * 1024
    """A page ends after 1 MiB; a task is hardly larger than 2."""
    max_event: int = 32 * 1024 * 1024
    """The largest task fits however its text is written."""

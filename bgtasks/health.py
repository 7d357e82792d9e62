"""Whether a manager can do its work, for those who watch over its process."""

from attrs import frozen

__all__ = ["Health"]


@frozen(kw_only=True)
class Health:
    """``trouble`` says in words what keeps the manager from working, ``None`` if nothing does.

    ``running`` attempts run now, of at most ``max_concurrency``; for ``blocked_for`` seconds the
    event loop has not come round (0: it does).
    """

    trouble: str | None
    running: int = 0
    max_concurrency: int = 0
    blocked_for: float = 0.0

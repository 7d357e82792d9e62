"""One process among those that share a database."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.feed import Feed
from bgtasks.backends.postgres.untold import Untold
from bgtasks.registry import Registry

__all__ = ["Peer"]


@frozen(eq=False)
class Peer:
    """What the parts of this process that change tasks have in common.

    ``feed`` announces what they have changed, and is told what they may have changed. ``untold``
    keeps the order of both. ``now`` is the server's time.
    """

    database: Database
    process: UUID
    registry: Registry
    runs: Runs
    now: Callable[[], datetime]
    feed: Feed
    untold: Untold

"""PgQueuer's way to the server: our pool, and our listener, which mends itself."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Self

from pgqueuer.db import Driver
from pgqueuer.models import TableChangedEvent

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.engine_schema import ENGINE
from bgtasks.backends.postgres.listener import Listener

__all__ = ["EngineDriver"]


class EngineDriver(Driver):
    """What :class:`pgqueuer.db.Driver` asks for.

    PgQueuer's own pool driver goes deaf for good when its listening connection is lost.
    """

    def __init__(self, database: Database, listener: Listener) -> None:
        self._database = database
        self._listener = listener
        self._callbacks: list[tuple[str, Any]] = []
        self._shutdown = asyncio.Event()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Rows, each as a mapping."""
        return [dict(row) for row in await self._database.pool.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        """The tag of the command that was carried out."""
        tag: str = await self._database.pool.execute(query, *args)
        return tag

    async def notify(self, channel: str, payload: str) -> None:
        """Send a notification."""
        await self._database.pool.execute("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: Any) -> None:
        """Call ``callback`` with payloads until the driver's context is left."""
        self._callbacks.append((channel, callback))
        await self._listener.add(channel, callback)

    def wake(self) -> None:
        """Act as if the queue had been changed."""
        event = TableChangedEvent(
            channel=ENGINE.channel,
            sent_at=datetime.now(UTC),
            type="table_changed_event",
            operation="update",
            table=ENGINE.queue_table,
        ).model_dump_json(exclude={"received_at"})
        for _, callback in self._callbacks:
            callback(event)

    @property
    def shutdown(self) -> asyncio.Event:
        """Not used: the queue manager has its own."""
        return self._shutdown

    @property
    def tm(self) -> Any:
        """Nothing runs in the background here."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel, callback in self._callbacks:
            self._listener.remove(channel, callback)
        self._callbacks.clear()

"""Hearing what other processes did: one LISTEN connection that is known to work.

PostgreSQL keeps no notification for a connection that is down, and a connection can be dead for
minutes before anybody notices (https://www.postgresql.org/docs/current/sql-notify.html). So this
process writes to itself every few seconds, by another connection: an echo that does not come back
means that the listener is deaf. Then it is replaced, and whoever listens is told to catch up.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg

from bgtasks.backends.postgres.database import CONNECTION_ERRORS, Database
from bgtasks.backends.postgres.statements import STATEMENTS

__all__ = ["Listener"]

logger = logging.getLogger(__name__)

ECHO_EVERY = 2.0
"""Seconds between two tests of the connection."""

ECHO_WITHIN = 3.0
"""Seconds after which a connection that did not bring the echo counts as deaf."""

RECONNECT_AFTER = (0.1, 0.5, 1.0, 2.0)
"""Seconds before the first, second ... try to connect again; the last one goes for all after."""

PayloadHandler = Callable[[str], None]
HorizonHandler = Callable[[int], None]


class Listener:
    """Calls handlers with the payloads of notifications, on the event loop.

    ``caught_up(horizon)`` is called after each echo: whatever transactions before ``horizon``
    notified of has been heard. ``connected(connection)`` is awaited with each new one:
    notifications may have been lost since the newest horizon.
    """

    def __init__(
        self,
        database: Database,
        caught_up: HorizonHandler,
        connected: Callable[["asyncpg.Connection[Any]"], Awaitable[None]],
    ) -> None:
        self._database = database
        self._caught_up = caught_up
        self._connected = connected
        self._echo_channel = f"bgtasks_echo_{uuid4().hex}"
        self._handlers: dict[str, list[PayloadHandler]] = {}
        self._connection: asyncpg.Connection[Any] | None = None
        self._echo: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._is_known = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that is believed to work, and ``connected`` knows it."""
        return self._is_known and not self._lost.is_set()

    async def start(self) -> None:
        """Connect, and keep a connection from now on. Raises what connecting raises."""
        self._caught_up(await self._database.pool.fetchval(STATEMENTS["horizon"]))
        await self._connect()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Let the connection go; harmless when repeated."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        await self._disconnect()

    async def add(self, channel: str, handler: PayloadHandler) -> None:
        """Call ``handler`` with each payload on ``channel``, also by later connections."""
        handlers = self._handlers.setdefault(channel, [])
        handlers.append(handler)
        if len(handlers) == 1 and self._connection is not None:
            with contextlib.suppress(*CONNECTION_ERRORS):  # then the next connection listens
                await self._connection.add_listener(channel, self._heard)

    def remove(self, channel: str, handler: PayloadHandler) -> None:
        """Call ``handler`` no more. The channel stays: it is likely to be wanted again."""
        self._handlers[channel].remove(handler)

    def hear(self, channel: str, payload: str) -> None:
        """Act as if a notification had come in."""
        for handler in list(self._handlers.get(channel, ())):
            handler(payload)

    # Keeping a connection

    async def _keep(self) -> None:
        while True:
            try:
                await self._watch()
            except Exception:
                # Whatever it is: a process must not go deaf for good.
                logger.exception("the listener of %s failed; connecting again", self._database.name)
            await self._disconnect()
            await self._reconnect()

    async def _watch(self) -> None:
        """Returns once the connection is known not to work any more."""
        while not self._lost.is_set():
            try:
                await self._exchange_echo()
            except TimeoutError:
                if not self._lost.is_set():
                    logger.error(
                        "the listener of %s is deaf: it did not hear a notification of its own "
                        "within %g seconds; connecting again",
                        self._database.name,
                        ECHO_WITHIN,
                    )
                return
            except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
                self._database.note("cannot be reached", error)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), ECHO_EVERY)

    async def _exchange_echo(self) -> None:
        self._echo = asyncio.get_running_loop().create_future()
        # One limit for everything: also for getting a connection from the pool, and for giving it
        # back, which waits for a dead one.
        async with asyncio.timeout(ECHO_WITHIN):
            # Asked before the echo is sent: what ended before this was heard before the echo is.
            horizon = await self._database.pool.fetchval(STATEMENTS["echo"], self._echo_channel)
            await self._echo
        if not self._lost.is_set():
            self._caught_up(horizon)

    async def _reconnect(self) -> None:
        attempt = 0
        while True:
            await asyncio.sleep(RECONNECT_AFTER[min(attempt, len(RECONNECT_AFTER) - 1)])
            try:
                await self._connect()
            except Exception as error:
                self._database.note("cannot be reached", error)
                attempt += 1
                await self._disconnect()
            else:
                logger.warning("listening to %s again", self._database.name)
                return

    async def _connect(self) -> None:
        connection = await self._database.connect()
        self._connection = connection
        self._lost.clear()
        connection.add_termination_listener(self._terminated)
        await connection.add_listener(self._echo_channel, self._heard_echo)
        for channel in self._handlers:
            await connection.add_listener(channel, self._heard)
        await self._connected(connection)
        self._is_known = True

    async def _disconnect(self) -> None:
        self._is_known = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.remove_termination_listener(self._terminated)
            connection.terminate()

    def _terminated(self, _: object) -> None:
        if self._keeper is not None:
            logger.error("the listening connection to %s was lost", self._database.name)
        self._lost.set()
        self._heard_echo()  # it will not come; nobody has to wait for it

    def _heard(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self.hear(channel, str(payload))

    def _heard_echo(self, *_: object) -> None:
        if self._echo is not None and not self._echo.done():
            self._echo.set_result(None)

"""Hearing what other processes did: one LISTEN connection that is known to work.

PostgreSQL keeps no notification for a connection that is down, and a connection can be dead for
minutes before anybody notices (https://www.postgresql.org/docs/current/sql-notify.html). So this
process writes to itself every few seconds, by another connection: an echo that does not come back
means that the listener is deaf. Then it is replaced, and whoever listens is told to catch up.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg

from bgtasks.backends.loops.pacing import Backoff, end_within, wait_set
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task

__all__ = ["Listener"]

logger: logging.Logger = logging.getLogger(__name__)

UNREACHABLE = "cannot be reached"

PayloadHandler = Callable[[str], None]
HorizonHandler = Callable[[int], None]


class Listener:
    """Calls handlers with the payloads of notifications, on the event loop.

    ``caught_up(horizon)`` is called after each echo: by then every notification of transactions
    older than ``horizon`` has arrived. ``reconnected()`` is called with each new connection but the
    first: notifications may have been lost since the newest horizon.
    """

    def __init__(
        self,
        database: Database,
        caught_up: HorizonHandler,
        reconnected: Callable[[], None],
    ) -> None:
        self._database = database
        self._bounds = database.bounds
        self._caught_up = caught_up
        self._reconnected = reconnected
        self._echo_channel = f"bgtasks_echo_{uuid4().hex}"
        self._handlers: dict[str, list[PayloadHandler]] = {}
        self._connection: asyncpg.Connection[Any] | None = None
        self._echo: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._listened: set[str] = set()
        self._is_up = False
        self._is_stopping = False
        self._keeper = LastingLoop("listening to PostgreSQL", self._keep, database.clock)

    @property
    def trouble(self) -> str | None:
        """Why nothing is heard, in words."""
        if not self._is_up or self._lost.is_set():
            return f"PostgreSQL at {self._database.name} {UNREACHABLE}"
        return self._keeper.trouble

    async def start(self) -> None:
        """Connect, and keep a connection from now on. Raises what connecting raises."""
        async with self._database.connection() as connection:
            self._caught_up(await connection.fetchval(STATEMENTS["horizon"]))
        await self._connect()
        self._keeper.start()

    async def stop(self) -> None:
        """Let the connection go; harmless when repeated."""
        self._is_stopping = True
        await end_within(self._keeper.stop())
        self._disconnect()

    async def add(self, channel: str, handler: PayloadHandler) -> None:
        """Call ``handler`` with each payload on ``channel``, also by later connections."""
        handlers = self._handlers.setdefault(channel, [])
        handlers.append(handler)
        if self._is_up and self._connection is not None and channel not in self._listened:
            try:
                await self._listen(self._connection, channel)
            except SERVER_ERRORS as error:
                self._database.failed(UNREACHABLE, error)
                self._lost.set()  # the next connection listens to all there are

    def remove(self, channel: str, handler: PayloadHandler) -> None:
        """No longer call ``handler``, if it is called. The channel stays: it is likely to be
        wanted again."""
        if handler in (handlers := self._handlers.get(channel, [])):
            handlers.remove(handler)

    def hear(self, channel: str, payload: str) -> None:
        """Act as if a notification had come in."""
        for handler in list(self._handlers.get(channel, ())):
            try:
                handler(payload)
            except BaseException as error:
                if ends_this_task(error):
                    raise
                logger.exception("a notification on %r: its handler failed", channel)

    # Keeping a connection

    async def _keep(self) -> None:
        try:
            await self._watch()
        finally:
            self._disconnect()
        await self._reconnect()

    async def _watch(self) -> None:
        """Return once the connection is known to be broken."""
        while not self._lost.is_set():
            try:
                await self._exchange_echo()
            except TimeoutError:
                if not self._lost.is_set():
                    logger.error(
                        "the listener of %s is deaf: it did not hear a notification of its own "
                        "within %g seconds; connecting again",
                        self._database.name,
                        self._bounds.echo_within,
                    )
                return
            except SERVER_ERRORS as error:
                self._database.failed(UNREACHABLE, error)
                return
            await wait_set(self._lost, self._bounds.echo_every, self._database.clock)

    async def _exchange_echo(self) -> None:
        self._echo = asyncio.get_running_loop().create_future()
        # One limit for everything: also for getting a connection from the pool, and for giving it
        # back, which waits for a dead one.
        async with asyncio.timeout(self._bounds.echo_within):
            async with self._database.connection() as connection:
                # Asked before the echo is sent: what ended before this was heard before the echo.
                horizon = await connection.fetchval(STATEMENTS["echo"], self._echo_channel)
            await self._echo
        if not self._lost.is_set():
            self._caught_up(horizon)

    async def _reconnect(self) -> None:
        backoff = Backoff(self._database.clock)
        while not self._is_up:
            await backoff.wait()
            try:
                await self._connect()
            except SERVER_ERRORS as error:
                self._database.failed(UNREACHABLE, error)
                self._disconnect()
        self._database.works(UNREACHABLE)
        logger.warning("listening to %s again", self._database.name)
        self._reconnected()

    async def _connect(self) -> None:
        connection = await self._database.connect()
        self._connection = connection
        self._lost.clear()
        connection.add_termination_listener(self._terminated)
        await connection.add_listener(self._echo_channel, self._heard_echo)
        self._listened.clear()
        while missing := self._handlers.keys() - self._listened:
            await self._listen(connection, missing.pop())
        self._is_up = True

    async def _listen(self, connection: "asyncpg.Connection[Any]", channel: str) -> None:
        self._listened.add(channel)
        await connection.add_listener(channel, self._heard)

    def _disconnect(self) -> None:
        self._is_up = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.remove_termination_listener(self._terminated)
            connection.terminate()

    def _terminated(self, _: object) -> None:
        if not self._is_stopping:
            logger.error("the listening connection to %s was lost", self._database.name)
        self._lost.set()
        self._heard_echo()  # it will not come; nobody has to wait for it

    def _heard(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self.hear(channel, str(payload))

    def _heard_echo(self, *_: object) -> None:
        if self._echo is not None and not self._echo.done():
            self._echo.set_result(None)

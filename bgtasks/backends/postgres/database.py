"""Reaching the server: one place that opens connections, with bounds on every wait."""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import asyncpg
from attrs import frozen

from bgtasks.backends.postgres.server_errors import (
    SERVER_ERRORS,
    NotConnectedError,
    cause_of,
    is_fate_unknown,
    reason_of,
)
from bgtasks.clock import Clock, SystemClock
from bgtasks.core.database_url import ACCEPTED_URL, checked_database, describe_url
from bgtasks.errors import BackendError, SettingsError

__all__ = ["WRITTEN", "Database", "ServerBounds"]

logger: logging.Logger = logging.getLogger(__name__)

OLDEST_SERVER = 14

WRITTEN = "written"

PLANNING = {"enable_seqscan": "off", "jit": "off"}
"""Every statement here has an index made for it. Queues fill and empty more quickly than they are
analysed, and a plan that was made while one was empty would read all of it from then on. A plan
that has to read all of a small table all the same looks so expensive to servers before 18 that they
would compile it, for a second and more at each claim."""

GIVE_BACK_WITHIN = 1.0
"""Seconds that a statement which was given up may take to end, before its connection is closed."""

CLOSE_WITHIN = 2.0
"""Seconds that a stop spends on connections that are in use."""

TELL_EVERY = 30.0
"""Seconds between two log lines that say the same of a server that is gone."""


@frozen(kw_only=True)
class ServerBounds:
    """How long this process waits for the server, in seconds, and how much of what it hears it
    keeps."""

    connect: float = 10.0
    """For a connection."""
    statement: float = 10.0
    """For an answer: then the server is gone, or the network is."""
    echo_every: float = 2.0
    """Between two tests of the connection that listens."""
    echo_within: float = 3.0
    """For the echo: a connection that did not bring it is deaf."""
    unread: int = 10_000
    """Ids that wait to be read. Beyond that, what changed is looked up as after a lost
    connection."""


class Database:
    """The connections of this process to one PostgreSQL database.

    A pool for statements, and connections of their own for whoever listens. ``size`` bounds the
    pool. ``url`` may have what libpq's URLs have (``sslmode``, ``options=-csearch_path=...``).
    A process that stands still or cannot be reached in the middle of a transaction loses it, and
    the locks in it, after ``longest_pause`` seconds: else it would keep the others from its tasks.
    ``clock`` is what everything that works on this database paces itself by.
    """

    def __init__(
        self,
        url: str,
        size: int = 10,
        longest_pause: float = 30.0,
        bounds: ServerBounds | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name: str = describe_url(url)
        self.bounds: ServerBounds = bounds or ServerBounds()
        self.clock: Clock = clock or SystemClock()
        self._url = url
        self._size = size
        self._longest_pause = longest_pause
        self._pool: asyncpg.Pool[Any] | None = None
        self._heart: asyncpg.Pool[Any] | None = None
        self._told_at: dict[tuple[str, type[BaseException]], float] = {}
        self._troubles: dict[str, str] = {}

    async def open(self) -> None:
        """Connect, and look at the server's version.

        Raises SettingsError for an URL that cannot be used, BackendError for a server that
        cannot be reached or is too old.
        """
        self._url = checked_database(self._url)
        try:
            self._pool = await self._make_pool(self._size)
            self._heart = await self._make_pool(1)
            async with self.connection() as connection:
                version = connection.get_server_version()
        except BaseException as error:
            await self.close()
            self._refuse(cause_of(error))
        if version.major < OLDEST_SERVER:
            await self.close()
            raise BackendError(
                f"the server of {self.name} is PostgreSQL {version.major}.{version.minor}; "
                f"bgtasks needs {OLDEST_SERVER} or later"
            )

    async def _make_pool(self, size: int) -> "asyncpg.Pool[Any]":
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=size,
            timeout=self.bounds.connect,
            command_timeout=self.bounds.statement,
            server_settings={
                "application_name": "bgtasks",
                "idle_in_transaction_session_timeout": f"{self._longest_pause * 1000:.0f}",
                # For statements that were given up here.
                "statement_timeout": f"{self.bounds.statement * 1500:.0f}",
                **PLANNING,
            },
            reset=_leave_as_it_is,
        )

    async def close(self) -> None:
        """Let every connection go; those that are in use after a few seconds are cut."""
        pools = [pool for pool in (self._pool, self._heart) if pool is not None]
        self._pool = self._heart = None
        self._troubles.clear()
        await asyncio.gather(*map(_close, pools))

    async def connect(self) -> "asyncpg.Connection[Any]":
        """A connection of its own, to listen on."""
        return await asyncpg.connect(
            self._url,
            timeout=self.bounds.connect,
            command_timeout=self.bounds.statement,
            server_settings={"application_name": "bgtasks listener"},
        )

    @property
    def is_open(self) -> bool:
        """Whether there are connections to use."""
        return self._pool is not None

    @property
    def pool(self) -> "asyncpg.Pool[Any]":
        """The pool. Raises BackendError before ``open`` and after ``close``."""
        if self._pool is None:
            raise BackendError(f"the task database {self.name} is not open")
        return self._pool

    @property
    def heart(self) -> "asyncpg.Pool[Any]":
        """One connection beside the pool, so that this process can say that it lives while the
        pool is busy with statements that hang. Raises what ``pool`` does."""
        if self._heart is None:
            raise BackendError(f"the task database {self.name} is not open")
        return self._heart

    @property
    def trouble(self) -> str | None:
        """What the server does not do at present, in words; ``None``: nothing is known."""
        return next(iter(self._troubles.values()), None)

    def failed(self, what: str, error: BaseException) -> None:
        """The server "does not do ``what``": log it, but not the same again and again."""
        reason = reason_of(error)
        self._troubles[what] = f"PostgreSQL at {self.name} {what}: {reason}"
        now, kind = self.clock.monotonic(), (what, type(cause_of(error)))
        if now - self._told_at.get(kind, -math.inf) >= TELL_EVERY:
            self._told_at[kind] = now
            unexpected = not isinstance(error, SERVER_ERRORS)
            logger.error("%s %s: %s", self.name, what, reason, exc_info=unexpected and error)

    def works(self, what: str) -> None:
        """What had failed has succeeded."""
        if self._troubles.pop(what, None) is not None:
            self._told_at = {kind: at for kind, at in self._told_at.items() if kind[0] != what}

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Whatever the server or the way to it refuses is a BackendError: the database "cannot be"
        ``what``."""
        try:
            yield
        except SERVER_ERRORS as error:
            reason = reason_of(error)
            if what == WRITTEN and is_fate_unknown(error):
                reason += "; it is not known whether this was done: look, or do it again"
            raise BackendError(
                f"the task database {self.name} cannot be {what}: {reason}"
            ) from error

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A connection from the pool, for a while. Raises NotConnectedError if there is none."""
        pool = self.pool
        try:
            connection = await pool.acquire(timeout=self.bounds.statement)
        except SERVER_ERRORS as error:
            raise NotConnectedError(reason_of(error)) from error
        try:
            yield connection
        except (asyncio.CancelledError, TimeoutError):
            await _end_exchange(connection)
            raise
        finally:
            # One whose statement hangs is closed, and does not hide what it was given up for.
            with contextlib.suppress(*SERVER_ERRORS):
                await pool.release(connection, timeout=GIVE_BACK_WITHIN)

    async def fetch(self, statement: str, *values: Any) -> "list[asyncpg.Record]":
        """The rows that a statement gives, in a transaction of its own."""
        async with self.connection() as connection:
            return list(await connection.fetch(statement, *values))

    def snapshot(self) -> AbstractAsyncContextManager["asyncpg.Connection[Any]"]:
        """A connection from the pool; its statements all see one moment, and change nothing."""
        return self.transaction(isolation="repeatable_read", readonly=True)

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A connection from the pool, in a transaction that is committed at the end. ``options``:
        of asyncpg's ``transaction``."""
        async with self.connection() as connection:
            transaction = connection.transaction(**options)
            try:
                await transaction.start()
                try:
                    yield connection
                except BaseException:
                    await _roll_back(transaction)
                    raise
                await transaction.commit()
            finally:
                # One that was cut is the pool's no more, and says only that when it is asked.
                with contextlib.suppress(asyncpg.InterfaceError):
                    if not connection.is_closed() and connection.is_in_transaction():
                        connection.terminate()

    def _refuse(self, error: BaseException) -> None:
        if isinstance(error, (asyncpg.exceptions.ClientConfigurationError, ValueError)):
            raise SettingsError(
                f"setting 'database' ({self.name}) cannot be used: {error}; "
                f"accepted: {ACCEPTED_URL}"
            ) from error
        if isinstance(error, SERVER_ERRORS):
            raise BackendError(
                f"cannot connect to PostgreSQL at {self.name}: {reason_of(error)}; check the "
                "setting 'database' and that the server runs"
            ) from error
        raise error


async def _roll_back(transaction: Any) -> None:
    with contextlib.suppress(*SERVER_ERRORS):  # then the end of the connection does it
        async with asyncio.timeout(GIVE_BACK_WITHIN):
            await transaction.rollback()


async def _close(pool: "asyncpg.Pool[Any]") -> None:
    try:
        async with asyncio.timeout(CLOSE_WITHIN):
            await pool.close()
    except SERVER_ERRORS:
        pool.terminate()


async def _end_exchange(connection: "asyncpg.Connection[Any]") -> None:
    """The driver has a statement prepared and carried out in two messages, and only the second ends
    the exchange. Whoever gives up between them leaves a transaction that nobody began."""
    try:
        async with asyncio.timeout(GIVE_BACK_WITHIN):
            await connection.execute("SELECT 1")
    except SERVER_ERRORS:
        # One that was lost is the pool's no more: that it says so does not hide the cancel.
        with contextlib.suppress(asyncpg.InterfaceError):
            connection.terminate()


async def _leave_as_it_is(_: Any) -> None:
    """Nothing here changes a session, so that a connection needs no round trip to be cleaned."""

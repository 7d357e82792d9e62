"""Reaching the server: one place that opens connections, with bounds on every wait."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from bgtasks.database_url import ACCEPTED_URL, checked_database, describe_url
from bgtasks.errors import BackendError, SettingsError

__all__ = ["CONNECTION_ERRORS", "WRITTEN", "Database", "is_passing"]

logger = logging.getLogger(__name__)

OLDEST_SERVER = 14
CONNECT_TIMEOUT = 10.0
STATEMENT_TIMEOUT = 10.0
"""Seconds after which a statement counts as lost: the server is gone, or the network is."""

CONNECTION_ERRORS = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that is cut at a bad moment
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process stood still for so long
    asyncpg.OperatorInterventionError,  # the server shuts down, or cut this connection off
    asyncpg.InsufficientResourcesError,  # too many connections, disk full: may pass
    asyncpg.TransactionRollbackError,  # a deadlock: the others went first
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections now
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is about to take over
)
"""What passes: the same statement can be tried again later."""


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may do better."""
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(error, asyncpg.DataError)


WRITTEN = "written"

PLANNING = {"enable_seqscan": "off"}
"""Every statement here has an index made for it. Queues fill and empty more quickly than they are
analysed, and a plan that was made while one was empty would read all of it from then on."""

TELL_EVERY = 10.0
"""Seconds between two log lines that say the same of a server that is gone."""


class Database:
    """The connections of this process to one PostgreSQL database.

    A pool for statements, and connections of their own for whoever listens. ``size`` bounds the
    pool. ``url`` may have what libpq's URLs have (``sslmode``, ``options=-csearch_path=...``).
    A process that stands still or cannot be reached in the middle of a transaction loses it, and
    the locks in it, after ``longest_pause`` seconds: else it would keep the others from its tasks.
    """

    def __init__(self, url: str, size: int = 10, longest_pause: float = 30.0) -> None:
        self.name = describe_url(url)
        self._url = url
        self._size = size
        self._longest_pause = longest_pause
        self._pool: asyncpg.Pool[Any] | None = None
        self._told_at: dict[str, float] = {}

    async def open(self) -> None:
        """Connect, and look at the server's version.

        Raises SettingsError for an URL that cannot be used, BackendError for a server that
        cannot be reached or is too old.
        """
        self._url = checked_database(self._url)
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                timeout=CONNECT_TIMEOUT,
                command_timeout=STATEMENT_TIMEOUT,
                server_settings={
                    "application_name": "bgtasks",
                    "idle_in_transaction_session_timeout": f"{self._longest_pause * 1000:.0f}",
                    **PLANNING,
                },
                reset=_leave_as_it_is,
            )
            async with self.connection() as connection:
                version = connection.get_server_version()
        except BaseException as error:
            await self.close()
            self._refuse(error)
        if version.major < OLDEST_SERVER:
            await self.close()
            raise BackendError(
                f"the server of {self.name} is PostgreSQL {version.major}.{version.minor}; "
                f"bgtasks needs {OLDEST_SERVER} or later"
            )

    async def close(self) -> None:
        """Let every connection go; those that are in use after a few seconds are cut."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), 5)
        except (TimeoutError, *CONNECTION_ERRORS):
            pool.terminate()

    async def connect(self) -> "asyncpg.Connection[Any]":
        """A connection of its own, to listen on."""
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=STATEMENT_TIMEOUT,
            server_settings={"application_name": "bgtasks listener"},
        )

    @property
    def pool(self) -> "asyncpg.Pool[Any]":
        """The pool. Raises BackendError before ``open`` and after ``close``."""
        if self._pool is None:
            raise BackendError(f"the task database {self.name} is not open")
        return self._pool

    def note(self, what: str, error: BaseException) -> None:
        """Log that something could not be done, but not the same thing again and again."""
        now = time.monotonic()
        if now - self._told_at.get(what, -TELL_EVERY) < TELL_EVERY:
            return
        self._told_at[what] = now
        reason = str(error) or type(error).__name__
        logger.error("%s %s: %s", self.name, what, reason)

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Whatever the server or the way to it refuses is a BackendError: the database "cannot be"
        ``what``."""
        try:
            yield
        except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
            reason = str(error) or type(error).__name__
            if what == WRITTEN and not isinstance(error, asyncpg.PostgresError):
                # The answer is lost, and with it whether the server had done it before.
                reason += "; it is not known whether this was done: look, or do it again"
            raise BackendError(
                f"the task database {self.name} cannot be {what}: {reason}"
            ) from error

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A connection from the pool, for a while."""
        async with self.pool.acquire(timeout=STATEMENT_TIMEOUT) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A connection from the pool, in a transaction that is committed at the end."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    def _refuse(self, error: BaseException) -> None:
        if isinstance(error, (asyncpg.exceptions.ClientConfigurationError, ValueError)):
            raise SettingsError(
                f"setting 'database' ({self.name}) cannot be used: {error}; "
                f"accepted: {ACCEPTED_URL}"
            ) from error
        if isinstance(error, (*CONNECTION_ERRORS, asyncpg.PostgresError)):
            reason = str(error) or type(error).__name__
            raise BackendError(
                f"cannot connect to PostgreSQL at {self.name}: {reason}; check the setting "
                "'database' and that the server runs"
            ) from error
        raise error


async def _leave_as_it_is(_: Any) -> None:
    """Nothing here changes a session, so that a connection needs no round trip to be cleaned."""

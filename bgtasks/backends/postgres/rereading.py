"""Reading again what is stored, whenever something was heard of it."""

import asyncio
from collections.abc import Awaitable, Callable

from bgtasks.backends.loops.pacing import Backoff, end_within
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.concurrency.lasting import LastingLoop

__all__ = ["Rereading"]


class Rereading:
    """Calls ``read`` after each ``soon``, and again until the server answers it.

    ``what`` says in words what is done, ``refuses`` completes "the server ..." where it does not
    answer.
    """

    def __init__(
        self, what: str, refuses: str, read: Callable[[], Awaitable[object]], database: Database
    ) -> None:
        self._refuses = refuses
        self._read = read
        self._database = database
        self._news = asyncio.Event()
        self._backoff = Backoff(database.clock)
        self._loop = LastingLoop(what, self._round, database.clock)

    @property
    def trouble(self) -> str | None:
        """Why nothing is read, in words."""
        return self._loop.trouble

    def start(self) -> None:
        """Read from now on, as soon as there is something."""
        self._loop.start()

    async def stop(self) -> None:
        """Read nothing more."""
        await end_within(self._loop.stop())

    def soon(self) -> None:
        """There is something to be read."""
        self._news.set()

    async def _round(self) -> None:
        await self._news.wait()
        self._news.clear()
        try:
            await self._read()
        except BaseException as error:
            self._news.set()  # what was not read is still to be read
            if not isinstance(error, SERVER_ERRORS):
                raise
            self._database.failed(self._refuses, error)
            await self._backoff.wait()
        else:
            self._database.works(self._refuses)
            self._backoff.reset()

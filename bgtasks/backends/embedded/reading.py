"""How questions reach a database: by a thread of their own, or by the one that writes."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

from bgtasks.backends.embedded.writer import Writer
from bgtasks.clock import resolve
from bgtasks.concurrency.threads import CallingThread

__all__ = ["Reading", "ThreadReading", "WriterReading"]

T = TypeVar("T")


class Reading(Protocol):
    """Puts questions to a connection."""

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> Awaitable[T]:
        """The answer; raises what the question raises."""

    def stop(self) -> "asyncio.Future[None]":
        """Answer what was asked, then end; the future is done once that is so."""


class ThreadReading:
    """On a connection of its own, so that a page need not wait for a commit."""

    def __init__(self, connection: sqlite3.Connection, thread: CallingThread) -> None:
        self.connection = connection
        self._thread = thread

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> Awaitable[T]:
        return self._thread.call(partial(question, self.connection))

    def stop(self) -> "asyncio.Future[None]":
        self._thread.call(self.connection.close)
        return self._thread.stop()


class WriterReading:
    """An in-memory database exists on its one connection only."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> Awaitable[T]:
        return self._writer.run(lambda store: question(store.connection))

    def stop(self) -> "asyncio.Future[None]":
        """The writer ends by itself."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        resolve(ended)
        return ended

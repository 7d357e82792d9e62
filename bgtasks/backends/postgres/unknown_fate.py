"""Writes whose answer is lost: the server may have done them, or do them later."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.loops import Backoff
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS, is_fate_unknown, reason_of
from bgtasks.errors import BackendError, BackgroundTasksError

__all__ = ["LostAnswerError", "answer_may_be_lost", "find_out"]

T = TypeVar("T")

LOOK_FOR = 10.0
"""Seconds for which a caller waits to learn what became of a write whose answer was lost."""


class LostAnswerError(Exception):
    """Whether a write was done is not known; its cause is the error that came for an answer."""


@contextmanager
def answer_may_be_lost() -> Iterator[None]:
    """Raises LostAnswerError for errors which leave it open whether the write in here was done."""
    try:
        yield
    except SERVER_ERRORS as error:
        if is_fate_unknown(error):
            raise LostAnswerError from error
        raise


async def find_out(
    database: Database,
    write: Callable[[bool], Awaitable[T]],
    *,
    doubt: Callable[[], None],
    unknown: str,
) -> T:
    """The answer to a write. If it is lost, the write is repeated for ten seconds at most.

    ``write(again)`` raises LostAnswerError where it may have been done; ``again`` says that this
    was so before, and it has to look for that first. ``doubt()`` is called if it was. Raises
    BackendError, which says what is ``unknown``, if the time is not enough.
    """
    try:
        return await write(False)
    except LostAnswerError as error:
        lost = error.__cause__ or error
        doubt()
    except BackgroundTasksError:
        raise
    except BaseException:  # cancelled, or told while the connection was given back
        doubt()
        raise
    backoff = Backoff()
    try:
        async with asyncio.timeout(LOOK_FOR):
            while True:
                await backoff.wait()
                try:
                    return await write(True)
                except (LostAnswerError, *SERVER_ERRORS):
                    continue
    except TimeoutError:
        raise BackendError(
            f"the task database {database.name} does not answer ({reason_of(lost)}): it is not "
            f"known whether {unknown}"
        ) from lost

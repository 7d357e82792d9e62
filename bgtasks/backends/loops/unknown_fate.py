"""Writes whose answer is lost: the store may have done them, or do them later."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bgtasks.backends.loops.pacing import Backoff
from bgtasks.backends.task_store import LostAnswerError, TaskStore
from bgtasks.clock import Clock, TimeLimit
from bgtasks.core.text import describe
from bgtasks.errors import BackendError, BackgroundTasksError

__all__ = ["find_out"]

T = TypeVar("T")

LOOK_FOR = 10.0
"""Seconds for which a caller waits to learn what became of a write whose answer was lost."""


async def find_out(
    store: TaskStore,
    clock: Clock,
    write: Callable[[bool], Awaitable[T]],
    *,
    doubt: Callable[[], None],
    unknown: str,
) -> T:
    """The answer to a write. If it is lost, the write is repeated for ten seconds at most.

    ``write(again)`` raises LostAnswerError where it may have been done; ``again`` says that this
    was so before, and it has to look for that first. ``doubt()`` is called if it was. Raises
    BackendError, which says what is ``unknown``, if the time is not enough or the store is closed.
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
    try:
        async with TimeLimit(clock, LOOK_FOR):
            return await _repeated(store, clock, write)
    except (TimeoutError, BackendError):  # the time is over, or the store is closed
        raise BackendError(
            f"the task database {store.name} does not answer ({describe(lost)}): it is not "
            f"known whether {unknown}"
        ) from lost


async def _repeated(store: TaskStore, clock: Clock, write: Callable[[bool], Awaitable[T]]) -> T:
    backoff = Backoff(clock)
    while True:
        await backoff.wait()
        try:
            return await write(True)
        except LostAnswerError:
            continue
        except Exception as error:
            if not store.is_trouble(error):
                raise

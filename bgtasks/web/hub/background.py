"""The asyncio tasks of one object, which end with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any

from bgtasks.logs import log_safely

__all__ = ["BackgroundSet"]

logger: logging.Logger = logging.getLogger(__name__)


class BackgroundSet:
    """Holds the asyncio tasks that it started until they end, and ends them when it is closed."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[Any]] = set()

    def start(
        self, coroutine: Coroutine[Any, Any, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        """Run ``coroutine`` until it ends or the set is closed, in ``context``, else in a copy of
        the present one."""
        task = asyncio.get_running_loop().create_task(coroutine, context=context)
        self._keep(task)
        return task

    def start_target(
        self, target: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> "asyncio.Future[Any]":
        """As ``start``, with the signature that the protocol library calls."""
        future = asyncio.ensure_future(target(*args, **kwargs))
        self._keep(future)
        return future

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, task: "asyncio.Future[Any]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_safely(logger, logging.ERROR, "a part of the hub ended with an error", error=error)

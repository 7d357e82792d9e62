"""How a worker's ``execute`` is called: on the event loop, or in its own thread."""

import asyncio
import contextvars
import functools
import inspect
import logging
import threading
from collections.abc import Callable
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from bgtasks.execution.opened import adopt, opened_in
from bgtasks.logs import LoggedTask, log_fields, log_safely

__all__ = ["call_in_thread", "is_coroutine_function"]

logger: logging.Logger = logging.getLogger(__name__)

_is_coroutine_function = functools.lru_cache(maxsize=1024)(inspect.iscoroutinefunction)


def is_coroutine_function(execute: Callable[..., Any]) -> bool:
    """Whether calling ``execute`` makes a coroutine, as far as can be seen from outside."""
    function = getattr(execute, "__func__", execute)
    try:
        return _is_coroutine_function(function)
    except TypeError:  # an object that cannot be hashed
        return inspect.iscoroutinefunction(function)


async def call_in_thread(
    call: Callable[[], Any], task: LoggedTask
) -> tuple[Any, BaseException | None]:
    """Make ``call`` in a thread of its own, in a copy of the present context. Returns its result
    and its error: raising the error again here would change a StopIteration, and a
    KeyboardInterrupt would end the application.

    Resources that the call opens are closed in the thread. If the call returns an awaitable,
    which may use them, they move to the present context. The thread is a daemon and not of a
    pool: a worker that never looks at its token must not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    before = contextvars.copy_context()
    scope = before.copy()

    def tell(result: Any, error: BaseException | None) -> None:
        if not ended.done():
            ended.set_result((result, error))

    def work() -> None:
        result, error = _call_and_close(call, scope, before)
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:
            message = "the event loop ended before task %s did"
            log_safely(logger, logging.WARNING, message, task.id, extra=log_fields(task))

    name = f"bgtasks {task.type} {task.id}"
    threading.Thread(target=work, name=name, daemon=True).start()
    result, error = await ended
    if inspect.isawaitable(result):
        adopt(scope)
    return result, error


def _call_and_close(
    call: Callable[[], Any], scope: contextvars.Context, before: contextvars.Context
) -> tuple[Any, BaseException | None]:
    result, error = None, None
    try:
        result = scope.run(call)
        if inspect.isawaitable(result):
            return result, None
        _refuse_generator(result)
    except BaseException as raised:
        error = raised
    not_closed = _close_opened(scope, before)
    return result, not_closed if error is None else error


def _close_opened(scope: contextvars.Context, before: contextvars.Context) -> BaseException | None:
    """Close what was opened in ``scope``, in the same thread; returns the first error."""
    first: BaseException | None = None
    for resource in opened_in(scope, but_not_in=before):
        try:
            scope.run(resource.shutdown)
        except BaseException as error:
            first = error if first is None else first
    return first


def _refuse_generator(result: Any) -> None:
    if isinstance(result, GeneratorType | AsyncGeneratorType):
        raise TypeError(
            "execute() returned a generator, so nothing was done: it has a `yield`, which a "
            "worker cannot use; report with context.report_progress(...) instead"
        )

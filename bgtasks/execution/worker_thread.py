"""The thread of a sync worker."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any

from bgtasks.logs import LoggedTask, log_fields

__all__ = ["call_in_thread"]

logger = logging.getLogger(__name__)


async def call_in_thread(call: Callable[[], Any], task: LoggedTask) -> Any:
    """Make ``call`` in a thread of its own, in a copy of the present context; gives back its
    result or raises what it raises.

    A daemon thread, not a pool: a worker that never looks at its token must not keep the
    process from ending.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    scope = contextvars.copy_context()

    def tell(result: Any, error: BaseException | None) -> None:
        if not ended.done():
            ended.set_result((result, error))

    def work() -> None:
        result, error = None, None
        try:
            result = scope.run(call)
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:
            logger.warning(
                "the event loop ended before task %s did", task.id, extra=log_fields(task)
            )

    name = f"bgtasks {task.type} {task.id}"
    threading.Thread(target=work, name=name, daemon=True).start()
    result, error = await ended
    if error is not None:
        raise error
    return result

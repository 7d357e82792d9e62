"""The manager whose attempt is running, for a worker that submits tasks of its own."""

import contextvars
from typing import TYPE_CHECKING

from bgtasks.errors import ManagerStateError

if TYPE_CHECKING:
    from bgtasks.manager.manager import BackgroundTaskManager

__all__ = ["attempt_context", "current_manager"]

_current: "contextvars.ContextVar[BackgroundTaskManager]" = contextvars.ContextVar(
    "bgtasks.manager"
)


def current_manager() -> "BackgroundTaskManager":
    """The manager that runs the present attempt, for ``providers.Callable(current_manager)`` among
    the arguments of a worker's provider.

    Known in the worker and in all that it calls: its asyncio tasks, ``asyncio.to_thread``, and the
    thread of a sync worker (wrap it there: ``BlockingTaskManager(current_manager())``). Raises
    ManagerStateError elsewhere.
    """
    try:
        return _current.get()
    except LookupError:
        raise ManagerStateError(
            "current_manager() was called where a manager runs no attempt: outside of a worker "
            "call container.background_tasks().manager(); in a test with run_worker, override the "
            "provider that calls it: container.task_manager.override(providers.Object(fake))"
        ) from None


def attempt_context(manager: "BackgroundTaskManager") -> contextvars.Context:
    """A context that knows ``manager`` and nothing else: each attempt works in a copy."""
    context = contextvars.Context()
    context.run(_current.set, manager)
    return context

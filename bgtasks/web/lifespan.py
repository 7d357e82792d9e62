"""Starting and stopping everything with the host application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.stop_signals import SecondSignal

__all__ = ["Lifespan"]

Resources = Callable[[Callable[[], bool]], AbstractAsyncContextManager[None]]
"""See :meth:`bgtasks.execution.host_resources.HostResources.closed_at_end`."""


class Lifespan:
    """For ``Starlette(lifespan=...)`` and ``FastAPI(lifespan=...)``, or inside a lifespan of the
    host's own: ``async with lifespan(app): yield``.

    It may be entered more than once: the last one to leave stops the manager. What the host's
    container has opened since the start is closed after that, by ``resources``.
    """

    def __init__(
        self,
        manager: BackgroundTaskManager,
        resources: Resources = lambda _: nullcontext(),
    ) -> None:
        self._manager = manager
        self._resources = resources
        self._looks: list[Callable[[Any], None]] = []

    def before_start(self, look: Callable[[Any], None]) -> None:
        """Have ``look`` called with the host application, or ``None``, before each start."""
        self._looks.append(look)

    def __call__(self, app: Any = None) -> AbstractAsyncContextManager[None]:
        """A context in which the manager and the hub are running; the same for every app."""
        for look in self._looks:
            look(app)
        return self._running()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with self._resources(lambda: self._manager.event_loop is not None):
            with SecondSignal(self._manager.hurry):
                async with self._manager:
                    try:
                        yield
                    except asyncio.CancelledError:
                        # The server has been told to stop at once: it takes its event loop down.
                        self._manager.hurry()
                        raise

"""Starting and stopping everything with the host application."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.hub import Hub

__all__ = ["Lifespan"]


class Lifespan:
    """For ``Starlette(lifespan=...)`` and ``FastAPI(lifespan=...)``, or inside a lifespan of the
    host's own: ``async with lifespan(app): yield``.
    """

    def __init__(self, manager: BackgroundTaskManager, hub: Hub) -> None:
        self._manager = manager
        self._hub = hub

    def __call__(self, _app: Any = None) -> AbstractAsyncContextManager[None]:
        """A context in which the manager and the hub are running; the same for every app."""
        return self._running()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        try:
            await self._manager.start()
            await self._hub.start()
            yield
        finally:
            # Clients go first: they are to see the interrupted tasks when they come back.
            try:
                await self._hub.stop()
            finally:
                await self._manager.stop()

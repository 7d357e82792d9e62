"""A whole manager for one test: nothing on disk, and a clock that the test advances."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import attrs

from bgtasks.clock import Clock
from bgtasks.manager import BackgroundTaskManager
from bgtasks.testing.clock import FakeClock

__all__ = ["running_manager"]

_BUILT_ON_THE_MANAGER = ("manager", "blocking_manager", "hub", "asgi_app", "lifespan")


@asynccontextmanager
async def running_manager(
    background_tasks: Any, *, clock: Clock | None = None
) -> AsyncGenerator[BackgroundTaskManager, None]:
    """Start the manager of ``background_tasks`` with its tasks in memory; stop it at the end.

    ``background_tasks`` is the ``BackgroundTasksContainer`` or the provider that holds it; inside
    the block its ``manager()`` is the started one. With a :class:`~bgtasks.testing.FakeClock` as
    ``clock``, delays, retries and timeouts wait until the test advances it. The stop at the end
    advances it past the grace period by itself.
    """
    _forget_manager(background_tasks)
    try:
        with ExitStack() as overrides:
            settings = attrs.evolve(background_tasks.settings(), database=":memory:")
            overrides.enter_context(background_tasks.settings.override(settings))
            if clock is not None:
                overrides.enter_context(background_tasks.clock.override(clock))
            manager: BackgroundTaskManager = background_tasks.manager()
            await manager.start()
            try:
                yield manager
            finally:
                await _stop(manager, clock)
    finally:
        _forget_manager(background_tasks)


async def _stop(manager: BackgroundTaskManager, clock: Clock | None) -> None:
    stopping = asyncio.ensure_future(manager.stop())
    while isinstance(clock, FakeClock) and not stopping.done():
        await asyncio.wait([stopping], timeout=0.01)
        clock.advance(1.0)
    await stopping


def _forget_manager(background_tasks: Any) -> None:
    """Reset the singletons, which keep the database and the clock that they were built with."""
    for name in _BUILT_ON_THE_MANAGER:
        getattr(background_tasks, name).reset()

"""Starting and stopping a manager, one at a time, on one event loop or on one after another."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from bgtasks.concurrency.services import Service
from bgtasks.errors import ManagerStateError
from bgtasks.manager.run import ManagerRun, State

__all__ = ["Switch"]


class Switch:
    """Makes a run at each start, unless there is one, and returns it to its callers."""

    def __init__(self, new_run: Callable[[], ManagerRun]) -> None:
        self._new_run = new_run
        self._run: ManagerRun | None = None
        self._accompanying: list[Service] = []
        self._turn = asyncio.Lock()
        self._entered = 0
        self._loop_of_turn: asyncio.AbstractEventLoop | None = None

    @property
    def run(self) -> ManagerRun | None:
        """The run whose store is open; ``None``: the manager is stopped (any thread)."""
        run = self._run
        return run if run is not None and run.answers else None

    def running(self) -> ManagerRun:
        """The run whose store is open. Raises ManagerStateError where there is none, and on
        another event loop."""
        run = self._run
        if run is None or not run.answers:
            raise ManagerStateError(
                "the background task manager is not running: start it with the application's "
                "lifespan=container.background_tasks().lifespan(), or 'async with manager:'"
            )
        if run.loop is not asyncio.get_running_loop():
            raise _on_another_loop(run.loop)
        return run

    async def start(self) -> None:
        """Start a run, unless there is one; after a stop that has begun."""
        async with self._one_at_a_time():
            if self._run is not None:
                if self._run.state is State.RUNNING:
                    return
                await self._stop(self._run)
            self._run = run = self._new_run()
            try:
                await run.start(self._accompanying)
            except BaseException:
                if run.state is State.STARTING:  # else it has been stopped, or is being stopped
                    self._run = None
                raise

    async def stop(self) -> None:
        """Stop the run, if there is one; wait for a stop that has begun."""
        async with self._one_at_a_time():
            if self._run is not None:
                await self._stop(self._run)

    async def enter(self) -> None:
        """Start a run for one user more."""
        self._entered += 1
        try:
            await self.start()
        except BaseException:
            self._entered -= 1
            raise

    async def leave(self) -> None:
        """Stop the run, if no other user is left."""
        self._entered -= 1
        if self._entered == 0:
            await self.stop()

    def hurry(self) -> None:
        """End the grace period of running workers at the present stop, or at the next one."""
        if self._run is not None:
            self._run.hurry()

    def accompany(self, service: Service) -> None:
        """Start and stop ``service`` with each run, and with the one there is (any thread)."""
        self._accompanying.append(service)
        if (run := self.run) is not None:
            run.accompany(service)

    async def _stop(self, run: ManagerRun) -> None:
        await run.stop()
        self._run = None

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncGenerator[None, None]:
        """A stopped manager may be started on another event loop."""
        loop, run = asyncio.get_running_loop(), self._run
        if run is not None and run.state is not State.CLOSED:
            if run.loop is not loop:
                raise _on_another_loop(run.loop)
        elif self._loop_of_turn is not loop:
            self._loop_of_turn, self._turn, self._run = loop, asyncio.Lock(), None
        async with self._turn:
            yield


def _on_another_loop(loop: asyncio.AbstractEventLoop) -> ManagerStateError:
    """Why the manager cannot be used here: it belongs to ``loop``."""
    if loop.is_closed():
        return ManagerStateError(
            "the background task manager was started on another event loop, which ended "
            "without stopping it; use 'async with manager:' or the lifespan, which stop it"
        )
    return ManagerStateError(
        "the background task manager runs on another event loop, and its methods have to be "
        "awaited there; from elsewhere call BlockingTaskManager "
        "(container.background_tasks().blocking_manager()) in a thread: "
        "await asyncio.to_thread(blocking_manager.run_task, task)"
    )

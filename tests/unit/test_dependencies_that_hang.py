"""Timeouts, cancels and stops while dependencies open or close. FAULTS 6."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTaskManager, BackgroundWorker, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.clock import Timing
from bgtasks.testing import run_worker
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    OtherWork,
    Work,
    clock_of,
    container_of,
    done,
    get,
    running,
    until,
    worker_of,
)

TIMEOUT = 20.0


class Dependency:
    """One that opens or closes only when it is let, and notes what happens to it."""

    def __init__(self, hangs: str, *, stubborn: bool = False) -> None:
        self.hangs, self.stubborn = hangs, stubborn
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.log: list[str] = []

    async def open(self, _other: str) -> AsyncIterator[str]:
        await self._perhaps_hang("opening")
        self.log.append("opened")
        yield "dependency"
        await self._perhaps_hang("closing")
        self.log.append("closed")

    async def other(self) -> AsyncIterator[str]:
        yield "other"
        self.log.append("other closed")

    async def dependent(self, _other: str) -> AsyncIterator[str]:
        yield "dependent"

    async def _perhaps_hang(self, what: str) -> None:
        if self.hangs != what:
            return
        self.reached.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.log.append("cancelled")
            if not self.stubborn:
                raise
            await self.go_on.wait()

    def container(self, **options: Any) -> Any:
        log = self.log

        class Worker(BackgroundWorker[Work, None]):
            def __init__(self, *_dependencies: str) -> None: ...

            async def execute(self, context: Context) -> None:
                log.append("worked")

        resource = providers.ContextLocalResource
        other = resource(self.other)
        hanging = resource(self.open, other)
        dependent = resource(self.dependent, hanging)
        return container_of(
            background_task(Work, providers.Factory(Worker, dependent), **options),
            background_task(OtherWork, worker_of(done)),
            max_concurrency=1,
        )


async def tell_to_end(
    manager: BackgroundTaskManager, task_id: Any, container: Any, how: str
) -> Any:
    """End the attempt by ``how``; its snapshot once it is over."""
    if how == "cancel":
        assert await manager.cancel_task(task_id)
    elif how == "timeout":
        clock_of(container).advance(TIMEOUT)
    else:
        return None
    return await manager.wait_for(task_id, PATIENCE)


@pytest.mark.parametrize("cancellation", ["task", "cooperative"])
@pytest.mark.parametrize("hangs", ["opening", "closing"])
@pytest.mark.parametrize(
    ("how", "status"), [("cancel", Status.CANCELLED), ("timeout", Status.FAILED)]
)
async def test_a_cancel_and_a_timeout_take_effect_while_a_dependency_opens_or_closes(
    how: str, status: Status, hangs: str, cancellation: Any
) -> None:
    dependency = Dependency(hangs)
    container = dependency.container(timeout=TIMEOUT, cancellation=cancellation)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await asyncio.wait_for(dependency.reached.wait(), PATIENCE)
        info = await tell_to_end(manager, task_id, container, how)
        assert info.status is status
        if how == "timeout":
            assert "timeout of 20" in (info.error_message or "")
            assert hangs[:4] in (info.error_message or "")
        assert "cancelled" in dependency.log
        assert ("worked" in dependency.log) is (hangs == "closing")
        assert dependency.log[-1] == "other closed"
        assert manager.health().running == 0


@pytest.mark.parametrize("how", ["cancel", "timeout"])
@pytest.mark.parametrize("hangs", ["opening", "closing"])
async def test_a_dependency_that_cannot_even_be_cancelled_is_left_behind_with_an_error(
    hangs: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    dependency = Dependency(hangs, stubborn=True)
    container = dependency.container(timeout=TIMEOUT)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await asyncio.wait_for(dependency.reached.wait(), PATIENCE)
        if how == "cancel":
            await manager.cancel_task(task_id)
        else:
            clock_of(container).advance(TIMEOUT)
        await until(lambda: "cancelled" in dependency.log)
        assert (await get(manager, task_id)).status is Status.RUNNING
        clock_of(container).advance(Timing().give_up_after)
        info = await manager.wait_for(task_id, PATIENCE)
        assert info.status is (Status.CANCELLED if how == "cancel" else Status.FAILED)
        assert "left behind" in caplog.text
        # Its place is free, and what opens or closes in the end is closed in the end.
        await manager.wait_for(await manager.run_task(OtherWork()), PATIENCE)
        dependency.go_on.set()
        await until(lambda: "other closed" in dependency.log)
        assert "closed" in dependency.log
        assert ("worked" in dependency.log) is (hangs == "closing")
        assert (await get(manager, task_id)).status is info.status


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_dependency_that_never_closes_is_left_behind_though_nobody_asked(
    stubborn: bool, caplog: pytest.LogCaptureFixture
) -> None:
    dependency = Dependency("closing", stubborn=stubborn)
    container = dependency.container()
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await asyncio.wait_for(dependency.reached.wait(), PATIENCE)
        clock_of(container).advance(Timing().close_within)
        await until(lambda: "cancelled" in dependency.log)
        clock_of(container).advance(Timing().give_up_after)
        info = await manager.wait_for(task_id, PATIENCE)
        assert (info.status, info.attempt) == (Status.FAILED, 1)
        assert info.error_message == "Its dependencies did not close within 30 seconds"
        assert ("left behind" in caplog.text) is stubborn
        await manager.wait_for(await manager.run_task(OtherWork()), PATIENCE)
        dependency.go_on.set()
        await until(lambda: dependency.log[-1] == "other closed")


async def test_dependencies_of_a_cancelled_worker_close_in_peace() -> None:
    dependency = Dependency("closing")

    class Hangs(BackgroundWorker[Work, None]):
        def __init__(self, _dependency: str) -> None: ...

        async def execute(self, context: Context) -> None:
            context.report_progress(1.0)
            await asyncio.Event().wait()

    resource = providers.ContextLocalResource(dependency.open, "other")
    container = container_of(background_task(Work, providers.Factory(Hangs, resource)))
    running_it = asyncio.create_task(
        run_worker(container, Work(), cancel_when=lambda info: info.progress > 0)
    )
    await asyncio.wait_for(dependency.reached.wait(), PATIENCE)
    dependency.go_on.set()
    assert (await running_it).info.status is Status.CANCELLED
    assert dependency.log == ["opened", "closed"]


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("rerun", [False, True])
async def test_a_stop_while_a_dependency_opens_hands_the_task_back_uncounted(
    rerun: bool, stubborn: bool, tmp_path: Any
) -> None:
    dependency = Dependency("opening", stubborn=stubborn)
    container = dependency.container(rerun_interrupted=rerun, max_interruptions=1)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager, clock = container.manager(), clock_of(container)
    await manager.start()
    task_id = await manager.run_task(Work())
    await asyncio.wait_for(dependency.reached.wait(), PATIENCE)
    await stopped(manager, clock)
    dependency.go_on.set()  # what was left behind opens now, and is closed
    dependency.hangs = ""
    await manager.start()
    info = await manager.wait_for(task_id, PATIENCE)
    assert (info.status, info.error_message) == (Status.COMPLETED, None)
    await stopped(manager, clock)


async def stopped(manager: BackgroundTaskManager, clock: Any) -> None:
    stopping = asyncio.create_task(manager.stop())
    async with asyncio.timeout(PATIENCE):
        while not stopping.done():
            clock.advance(1.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(stopping), 0.01)


async def test_a_stop_while_a_dependency_closes_is_an_interruption_that_is_not_counted(
    tmp_path: Any,
) -> None:
    dependency = Dependency("closing")
    container = dependency.container(max_interruptions=1)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    manager, clock = container.manager(), clock_of(container)
    await manager.start()
    task_id = await manager.run_task(Work())
    await asyncio.wait_for(dependency.reached.wait(), PATIENCE)
    await stopped(manager, clock)
    dependency.hangs = ""
    await manager.start()
    assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED
    assert dependency.log.count("worked") == 2
    await stopped(manager, clock)


async def test_dependencies_open_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    async def open_it() -> AsyncIterator[str]:
        await both.wait()
        yield "dependency"

    class Worker(BackgroundWorker[Work, None]):
        def __init__(self, one: str, *, two: str) -> None: ...

        async def execute(self, context: Context) -> None: ...

    resource = providers.ContextLocalResource
    worker = providers.Factory(Worker, resource(open_it), two=resource(open_it))
    async with asyncio.timeout(PATIENCE):
        run = await run_worker(container_of(background_task(Work, worker)), Work())
    assert run.info.status is Status.COMPLETED

"""What a process runs, how it looks to others, whether it is well, and how a stop is hurried."""

import asyncio
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from bgtasks import (
    BackendError,
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTaskStatus,
    ManagerStateError,
    ProcessCounts,
    Settings,
    SettingsError,
    __version__,
    background_task,
)
from bgtasks.clock import Timing
from bgtasks.models import Health
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    OtherWork,
    Work,
    backend_of,
    container_for,
    container_of,
    done,
    get,
    run_to_end,
    running,
    worker_of,
)


def two_types(**config: Any) -> Any:
    return container_of(
        background_task(Work, worker_of(done)),
        background_task(OtherWork, worker_of(done), type_name="other"),
        **config,
    )


async def test_only_the_chosen_types_are_run() -> None:
    tasks: list[BackgroundTaskBase] = [OtherWork(), OtherWork(), Work()]
    async with running(two_types(types=["Work"])) as manager:
        ids = await manager.run_tasks(tasks)
        await manager.wait_for(ids[-1], PATIENCE)
        await run_to_end(manager, Work())
        others = [await get(manager, task_id) for task_id in ids[:2]]
    assert [item.status for item in others] == [BackgroundTaskStatus.PENDING] * 2
    assert [item.status_message for item in others] == ["Pending"] * 2  # not: unregistered


async def test_types_are_named_as_they_are_registered() -> None:
    async with running(two_types(types="other")) as manager:
        await run_to_end(manager, OtherWork())


@pytest.mark.parametrize("provider", ["manager", "asgi_app", "lifespan", "backend"])
def test_types_that_are_not_registered_are_refused_before_anything_starts(provider: str) -> None:
    container = two_types(types="Work, OtherWork,Nope")
    with pytest.raises(SettingsError) as caught:
        getattr(container, provider)()
    assert str(caught.value) == (
        "setting 'types' names 'OtherWork', 'Nope', which is not registered; accepted: Work, other"
    )


async def test_the_process_that_owns_the_file_is_the_only_one() -> None:
    gate = Gate()
    container = container_for(gate, max_concurrency=2)
    container.config.from_dict({"max_concurrency": 7})
    async with running(container) as manager:
        await manager.run_task(Work())
        await gate.begun.wait()
        [process] = await manager.get_processes()
        assert (process.host, process.pid) == (socket.gethostname(), os.getpid())
        assert (process.runs_tasks, process.alive) == (True, True)
        assert (process.types, process.running, process.max_concurrency) == (("Work",), 1, 7)
        assert process.started_at == process.seen_at == container.clock().now()
        assert process.release == __version__
        assert process.loop_lag_ms is not None
        assert process.loop_lag_ms < 60_000
        assert process.rss_bytes is None or process.rss_bytes > 1_000_000
        stats = await manager.get_stats()
        assert (stats.running, stats.places) == (1, 7)
        assert stats.processes == ProcessCounts(alive=1, lost=0)
        gate.open.set()
    with pytest.raises(ManagerStateError):
        await manager.get_processes()


async def test_a_process_that_runs_no_tasks_says_so() -> None:
    async with running(two_types(run_tasks=False)) as manager:
        [process] = await manager.get_processes()
        assert not process.runs_tasks


async def test_a_manager_may_be_given_other_settings_while_it_is_stopped() -> None:
    container = two_types(run_tasks=False)
    manager = container.manager()
    settings = attrs.evolve(container.settings(), run_tasks=True, max_concurrency=3)
    container.settings.override(settings)
    manager.configure(settings)
    with pytest.raises(SettingsError, match="'Nope'"):
        manager.configure(Settings(types=("Nope",)))
    async with manager:
        await run_to_end(manager, Work())
        assert manager.health().max_concurrency == 3
        with pytest.raises(ManagerStateError, match="stop it before"):
            manager.configure(settings)


async def test_a_manager_says_how_it_is() -> None:
    gate = Gate()
    container = container_for(gate)
    assert container.manager().health().trouble == "the background task manager is not running"
    async with running(container) as manager:
        assert manager.health().trouble is None
        await manager.run_task(Work())
        await gate.begun.wait()
        assert (manager.health().running, manager.health().max_concurrency) == (1, 100)
        gate.open.set()
    assert manager.health().trouble == "the background task manager is not running"


async def test_a_manager_that_has_ceased_to_run_tasks_is_not_well() -> None:
    async def serve(_runner: Any) -> None:
        raise asyncio.CancelledError

    container = two_types()
    backend_of(container).serve = serve
    async with running(container) as manager:
        with pytest.raises(asyncio.CancelledError):
            await manager.wait_served()
        trouble = manager.health().trouble
        assert trouble is not None
        assert "not run any more" in trouble


async def test_what_troubles_the_backend_troubles_the_manager() -> None:
    container = two_types()
    backend_of(container).trouble = lambda: "the connection is lost"
    async with running(container) as manager:
        assert manager.health().trouble == "the connection is lost"


def health_while_blocked(manager: BackgroundTaskManager) -> Health:
    """Blocks the event loop until the manager says so."""

    def look() -> Health:
        deadline = time.monotonic() + PATIENCE
        while (health := manager.health()).blocked_for < 0.15:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return health

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look).result()


@pytest.mark.parametrize(("long", "ill"), [(0.1, True), (3600.0, False)])
async def test_a_loop_that_is_blocked_for_long_is_not_well(long: float, ill: bool) -> None:
    container = two_types()
    container.timing.override(Timing(blocked_after=0.02, long_block=long))
    async with running(container) as manager:
        health = health_while_blocked(manager)
    seconds = f"{health.blocked_for:.0f}"
    said = f"the event loop has been blocked for {seconds} seconds: see the log"
    assert health.trouble == (said if ill else None)


async def test_what_ends_the_serving_is_told_to_those_who_wait() -> None:
    async def serve(_runner: Any) -> None:
        raise BackendError("lost")

    container = two_types()
    backend_of(container).serve = serve
    async with container.manager() as manager:
        with pytest.raises(BackendError, match="lost"):
            await manager.wait_served()


async def test_a_hurried_stop_gives_no_grace() -> None:
    """The clock stands still: nothing but the hurry ends the grace period."""
    begun = asyncio.Event()

    async def script(_context: Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    container = container_for(script)
    manager = container.manager()
    await manager.start()
    await manager.run_task(Work())
    await begun.wait()
    stopping = asyncio.create_task(manager.stop())
    await asyncio.sleep(0.02)
    assert manager.health().running == 1
    manager.hurry()
    await asyncio.wait_for(stopping, PATIENCE)
    manager.hurry()  # harmless


async def test_a_hurry_before_the_stop_counts() -> None:
    begun = asyncio.Event()

    async def script(_context: Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    manager = container_for(script).manager()
    manager.hurry()  # before the start: harmless
    await manager.start()
    await manager.run_task(Work())
    await begun.wait()
    manager.hurry()
    await asyncio.wait_for(manager.stop(), PATIENCE)

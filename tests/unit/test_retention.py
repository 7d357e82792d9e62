"""Final tasks are kept for a while, the others for as long as they live."""

import asyncio
import logging
from typing import Any

import pytest

from bgtasks import (
    BackendError,
    BackgroundTaskManager,
    Retention,
    SettingsError,
    Unique,
)
from bgtasks.clock import Timing
from tests.hosts.scripted import (
    Work,
    backend_of,
    clock_of,
    container_for,
    done,
    run_to_end,
    running,
    until,
)

DAY = 86400.0


async def all_ids(manager: BackgroundTaskManager) -> list[Any]:
    return [info.id for info in await manager.get_tasks(limit=1000)]


async def test_a_final_task_is_dropped_once_it_was_kept_long_enough() -> None:
    container = container_for(done)
    container.config.from_dict({"retention": "2 days"})
    clock = clock_of(container)
    async with running(container) as manager:
        old = await run_to_end(manager, Work())
        clock.advance(1.5 * DAY)
        newer = await run_to_end(manager, Work())
        waiting = await manager.run_task(Work(), delay=30 * DAY)
        assert await all_ids(manager) == [waiting, newer.id, old.id]
        await until(lambda: clock.pending)
        clock.advance(0.6 * DAY)
        while old.id in (left := await all_ids(manager)):
            clock.advance(Timing().prune_every)
        assert left == [waiting, newer.id]
        assert await manager.try_get_task(old.id) is None
        assert list(await manager.get_attempts(old.id)) == []


async def test_without_a_retention_nothing_is_dropped() -> None:
    container = container_for(done)
    container.config.from_dict({"retention": None})
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        for _ in range(3):
            clock_of(container).advance(1000 * DAY)
            assert await all_ids(manager) == [info.id]


@pytest.mark.parametrize("error", [BackendError, ValueError, asyncio.CancelledError, GeneratorExit])
async def test_a_store_that_cannot_prune_is_logged_and_asked_again(
    caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    container = container_for(done)
    container.config.from_dict({"retention": 0})
    clock = clock_of(container)
    backend = backend_of(container)
    prune, calls = backend.prune, []

    async def fail_once(rule: Any, limit: int) -> Any:
        calls.append(rule)
        if len(calls) == 2:
            raise error("the disk is full")
        return await prune(rule, limit)

    backend.prune = fail_once
    async with running(container) as manager:
        await until(lambda: clock.pending)
        info = await run_to_end(manager, Work())
        with caplog.at_level(logging.ERROR):
            while await manager.try_get_task(info.id) is not None:
                clock.advance(Timing().prune_every)
    assert "the disk is full" in caplog.text


async def test_a_type_keeps_its_tasks_for_times_of_its_own() -> None:
    container = container_for(done, retention=Retention(completed="1 day", failed="90 days"))
    container.config.from_dict({"retention": "7 days"})
    clock = clock_of(container)
    async with running(container) as manager:
        ended = await run_to_end(manager, Work())
        cancelled = await manager.run_task(Work(), delay=DAY)
        await manager.cancel_task(cancelled)
        await until(lambda: clock.pending)
        clock.advance(1.1 * DAY)
        while ended.id in await all_ids(manager):
            clock.advance(Timing().prune_every)
        assert await all_ids(manager) == [cancelled]  # as the setting says


async def test_a_task_that_holds_its_key_for_longer_than_it_is_kept_is_dropped_later() -> None:
    unique = Unique(by=(), at_least="2 days")
    container = container_for(done, unique=unique, retention=Retention(completed="1 hour"))
    clock = clock_of(container)
    async with running(container) as manager:
        ended = await run_to_end(manager, Work())
        for _ in range(10):
            await until(lambda: clock.pending)
            clock.advance(0.4 * DAY)
            left = await all_ids(manager)
        assert ended.id not in left


@pytest.mark.parametrize("value", [-1, "soon", float("nan"), "200 years", True])
def test_a_time_that_is_none_is_refused_by_name(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"Retention\(failed="):
        Retention(failed=value)
    with pytest.raises(SettingsError, match="expected Retention"):
        container_for(done, retention="7 days").registry()

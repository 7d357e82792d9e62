"""``wait_for`` and ``watch``: the end of a task, and the way to it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bgtasks import BackgroundTaskManager, ManagerStateError, SettingsError, TaskNotFoundError
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.ids import uuid7
from bgtasks.observing.watching import Watch
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    Work,
    backend_of,
    clock_of,
    container_for,
    done,
    run_to_end,
    running,
    until,
    wanted_by,
)


async def test_waiting_gives_the_final_snapshot_to_everybody_who_waits() -> None:
    gate = Gate()
    async with running(container_for(gate)) as manager:
        task_id = await manager.run_task(Work())
        waiting = [asyncio.create_task(manager.wait_for(task_id)) for _ in range(5)]
        await gate.begun.wait()
        assert not any(task.done() for task in waiting)
        gate.open.set()
        infos = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
    assert {info.status for info in infos} == {Status.COMPLETED}
    assert len({info.revision for info in infos}) == 1


async def test_waiting_for_what_is_over_returns_at_once() -> None:
    async with running(container_for(done)) as manager:
        info = await run_to_end(manager, Work())
        assert await manager.wait_for(info.id) == info


async def test_what_was_waited_for_is_what_is_stored() -> None:
    async with running(container_for(done)) as manager:
        info = await run_to_end(manager, Work())
        assert await manager.try_get_task(info.id) == info


async def test_waiting_for_an_unknown_task_is_refused() -> None:
    unknown = uuid7()
    async with running(container_for(done)) as manager:
        with pytest.raises(TaskNotFoundError, match=str(unknown)):
            await manager.wait_for(unknown)
        with pytest.raises(TaskNotFoundError, match=str(unknown)):
            await anext(manager.watch(unknown))


@pytest.mark.parametrize("timeout", [0, 0.2, "0.2 s", timedelta(milliseconds=200)])
async def test_a_timeout_says_which_task_is_what_after_how_long(timeout: Any) -> None:
    """FAULTS 43."""
    gate = Gate()
    seconds = 0.2 if timeout else 0
    async with running(container_for(gate)) as manager:
        task_id = await manager.run_task(Work())
        await gate.begun.wait()
        said = rf"^task {task_id} \(Work\) is still Running after {seconds:g} seconds$"
        with pytest.raises(TimeoutError, match=said):
            await manager.wait_for(task_id, timeout)
        later = await manager.run_task(Work(), delay="1 h")
        said = rf"^task {later} \(Work\) is still Pending after {seconds:g} seconds$"
        with pytest.raises(TimeoutError, match=said if timeout else r"seconds$"):
            await manager.wait_for(later, timeout)
        gate.open.set()
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_the_blocking_manager_says_so_too() -> None:
    async with running(container := container_for(done)) as manager:
        task_id = await manager.run_task(Work(), delay=60)
        waiting = asyncio.to_thread(container.blocking_manager().wait_for, task_id, "0.5 s")
        with pytest.raises(TimeoutError, match=f"task {task_id} .* is still Pending after 0.5"):
            await waiting


@pytest.mark.parametrize("timeout", ["soon", float("nan"), True, object()])
async def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    async with running(container_for(done)) as manager:
        task_id = await manager.run_task(Work())
        with pytest.raises(SettingsError, match=r"timeout is .*; accepted: seconds, a timedelta"):
            await manager.wait_for(task_id, timeout)


async def test_waiting_ends_after_the_timeout_and_the_task_goes_on() -> None:
    gate = Gate()
    async with running(container_for(gate)) as manager:
        task_id = await manager.run_task(Work())
        with pytest.raises(TimeoutError):
            await manager.wait_for(task_id, 0.01)
        gate.open.set()
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_an_id_that_is_no_uuid_is_refused_with_what_is_accepted() -> None:
    async with running(container_for(done)) as manager:
        for call in (manager.wait_for, manager.cancel_task, manager.try_get_task):
            with pytest.raises(TypeError, match=r"'0193'; accepted: a uuid.UUID"):
                await call("0193")  # type: ignore[arg-type, call-overload]


async def test_whoever_waits_at_a_stop_is_told_and_not_left_waiting() -> None:
    container = container_for(done)
    backend = backend_of(container)
    find, found = backend.find, []

    async def count(task_ids: Any, **options: Any) -> Any:
        records = await find(task_ids, **options)
        found.append(records)
        return records

    backend.find = count
    async with running(container) as manager:
        task_id = await manager.run_task(Work(), delay=3600)
        waiting = asyncio.create_task(manager.wait_for(task_id))
        watching = asyncio.create_task(statuses(manager, task_id))
        await until(lambda: len(found) == 2)
        await manager.stop()
        results = await asyncio.wait_for(
            asyncio.gather(waiting, watching, return_exceptions=True), PATIENCE
        )
    assert [type(result) for result in results] == [ManagerStateError] * 2
    assert {str(result) for result in results} == {
        "the manager was stopped while a task was waited for"
    }


async def test_nothing_is_kept_of_who_has_waited() -> None:
    container = container_for(done)
    wanted = wanted_by(backend_of(container))
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        await statuses(manager, info.id)
        with pytest.raises(TimeoutError):
            await manager.wait_for(await manager.run_task(Work(), delay=60), 0.01)
        assert not wanted()


async def statuses(manager: BackgroundTaskManager, task_id: object) -> list[str]:
    return [info.status async for info in manager.watch(task_id)]  # type: ignore[call-overload]


async def test_watching_begins_with_what_is_and_ends_with_the_end() -> None:
    steps: asyncio.Queue[float] = asyncio.Queue()

    async def script(context: Context) -> None:
        while (percent := await steps.get()) < 100:
            context.report_progress(percent)

    container = container_for(script)
    clock = clock_of(container)
    async with running(container) as manager:
        task_id = await manager.run_task(Work(), delay=5)
        watching = manager.watch(task_id)
        assert (await anext(watching)).status is Status.PENDING
        clock.advance(5)
        assert (await anext(watching)).status is Status.RUNNING
        for percent in (10.0, 20.0):
            clock.advance(1)
            steps.put_nowait(percent)
            assert (await asyncio.wait_for(anext(watching), PATIENCE)).progress == percent
        steps.put_nowait(100)
        last = await anext(watching)
        assert (last.status, last.progress) == (Status.COMPLETED, 100.0)
        with pytest.raises(StopAsyncIteration):
            await anext(watching)


async def test_watching_what_is_over_gives_its_end_alone() -> None:
    async with running(container_for(done)) as manager:
        info = await run_to_end(manager, Work())
        assert [item async for item in manager.watch(info.id)] == [info]


async def test_a_slow_watcher_misses_steps_but_never_the_last_and_never_goes_back() -> None:
    async def script(context: Context) -> None:
        for percent in range(100):
            context.report_progress(percent)
            await asyncio.sleep(0)

    container = container_for(script)
    container.config.from_dict({"publish_interval": 0})
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        seen = []
        async for info in manager.watch(task_id):
            seen.append(info)
            await asyncio.sleep(0.005)
    revisions = [info.revision for info in seen]
    assert revisions == sorted(set(revisions))
    assert seen[-1].status is Status.COMPLETED


async def test_a_watch_that_is_left_early_is_forgotten() -> None:
    container = container_for(done)
    wanted = wanted_by(backend_of(container))
    async with running(container) as manager:
        task_id = await manager.run_task(Work(), delay=60)
        watching = manager.watch(task_id)
        await anext(watching)
        assert wanted()
        await watching.aclose()
        assert not wanted()


async def test_a_watch_never_goes_back_to_an_older_revision() -> None:
    container = container_for(done)
    backend = backend_of(container)
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        record = await backend.get(info.id)
    assert record is not None
    watch = Watch(only_final=False)
    watch.put(record)
    watch.put(record._replace(revision=record.revision - 1))
    assert await watch.next() == record
    watch.put(record._replace(revision=record.revision - 1))
    watch.close()
    with pytest.raises(ManagerStateError):
        await watch.next()

"""What a worker returns is kept with its task: typed, or refused by name."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    Retry,
    SerializationError,
    UnregisteredTaskError,
    background_task,
)
from bgtasks.core.record import SMALL_PAYLOAD
from bgtasks.testing import run_worker
from tests.hosts.scripted import Context, Progress, Work, container_of, run_to_end, running

COMPLETED, FAILED = BackgroundTaskStatus.COMPLETED, BackgroundTaskStatus.FAILED


@frozen
class Report:
    rows_written: int
    path: str | None = None


class Returning(BackgroundWorker[Work, Progress, Report]):
    """Returns what its script returns."""

    def __init__(self, script: Callable[[Context], Any]) -> None:
        self._script = script

    async def execute(self, context: Context) -> Report:
        await asyncio.sleep(0)
        returned: Report = self._script(context)
        return returned


class InThread(BackgroundWorker[Work, Progress, Report]):
    def execute(self, context: Context) -> Report:
        return Report(7)


class Plain(BackgroundWorker[Work, Progress]):
    async def execute(self, context: Context) -> Any:
        return Report(7)


@frozen(kw_only=True)
class Other(BackgroundTaskBase):
    pass


class OtherWorker(BackgroundWorker[Other, None]):
    async def execute(self, context: BackgroundWorkerContext[Other, None]) -> None: ...


def returning(script: Callable[[Context], Any], **options: Any) -> Any:
    worker = providers.Factory(Returning, providers.Object(script))
    return container_of(background_task(Work, worker, **options))


async def test_what_the_worker_returns_is_the_result() -> None:
    async with running(returning(lambda context: Report(7, "/a"))) as manager:
        info = await run_to_end(manager, Work())
        assert info.result == Report(7, "/a")
        found = await manager.try_get_task(info.id)
        assert found == info
        (listed,) = await manager.get_tasks()
        assert listed.result == Report(7, "/a")
    data = json.loads(info.to_json())
    assert data["result"] == {"rowsWritten": 7, "path": "/a"}


async def test_a_result_is_none_until_the_task_is_completed() -> None:
    def script(context: Context) -> Report:
        context.report_progress(50)
        return Report(1)

    seen: list[Any] = []
    container = returning(script)
    async with running(container) as manager:
        manager.task_updated.subscribe(lambda info: seen.append((info.status, info.result)))
        await run_to_end(manager, Work())
        await manager.task_updated.drain()
    assert seen[-1] == (COMPLETED, Report(1))
    assert {result for status, result in seen if status is not COMPLETED} == {None}


async def test_a_sync_worker_returns_its_result_too() -> None:
    container = container_of(background_task(Work, providers.Factory(InThread)))
    async with running(container) as manager:
        assert (await run_to_end(manager, Work())).result == Report(7)


async def test_the_testing_kit_shows_the_result() -> None:
    run = await run_worker(returning(lambda context: Report(3)), Work())
    assert run.info.result == Report(3)


async def test_the_result_may_be_set_with_the_status() -> None:
    def script(context: Context) -> Report:
        context.set_status(COMPLETED, "early", result=Report(1))
        return Report(2)

    async with running(returning(script)) as manager:
        info = await run_to_end(manager, Work())
    assert (info.result, info.status_message) == (Report(1), "early")


async def test_only_a_completed_task_is_given_a_result() -> None:
    def script(context: Context) -> Report:
        context.set_status(FAILED, result=Report(1))
        return Report(2)

    async with running(returning(script)) as manager:
        info = await run_to_end(manager, Work())
    assert info.status is FAILED
    assert "only COMPLETED has a result" in (info.error_message or "")
    assert info.result is None


WRONG: list[tuple[Any, str]] = [
    (Report(object()), "result.rows_written"),  # type: ignore[arg-type]
    (Report(float("nan")), "result.rows_written"),  # type: ignore[arg-type]
    ("a text", "result"),
    ({1, 2}, "result"),
    (Report(1, "x" * 3_000_000), "result"),
]


@pytest.mark.parametrize(("value", "named"), WRONG)
async def test_a_result_that_cannot_be_kept_fails_the_task_for_good(value: Any, named: str) -> None:
    container = returning(lambda context: value, retry=Retry(max_attempts=5))
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        (failure,) = await manager.get_attempts(info.id)
    assert (info.status, info.attempt, info.result) == (FAILED, 1, None)
    assert named in (info.error_message or "")
    assert failure.error is not None
    assert failure.error.message == info.error_message


async def test_what_is_returned_without_being_declared_is_named_once_and_not_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    container = container_of(background_task(Work, providers.Factory(Plain), type_name="Odd"))
    with caplog.at_level(logging.WARNING):
        async with running(container) as manager:
            infos = [await run_to_end(manager, Work()) for _ in range(3)]
    assert [(info.status, info.result) for info in infos] == [(COMPLETED, None)] * 3
    assert caplog.text.count("the worker of Odd returned a Report, which is not kept") == 1


async def test_a_large_result_is_left_out_of_lists_which_say_so() -> None:
    report = Report(1, "x" * SMALL_PAYLOAD)
    async with running(returning(lambda context: report)) as manager:
        info = await run_to_end(manager, Work())
        (listed,) = await manager.get_tasks()
        assert (listed.result, listed.payload_omitted) == (None, True)
        (whole,) = await manager.get_tasks(payloads=True)
        assert (whole.result, whole.payload_omitted) == (report, False)
    assert info.result == report


def test_a_result_type_that_could_not_be_read_back_is_refused_at_registration() -> None:
    class Odd:
        def __init__(self, x: int) -> None: ...

    class Worker(BackgroundWorker[Work, None, Odd]):
        async def execute(self, context: Context) -> Odd:
            return Odd(1)

    container = container_of(background_task(Work, providers.Factory(Worker)))
    with pytest.raises(SerializationError, match="Odd"):
        container.manager()


async def test_whoever_names_the_worker_gets_its_types_and_no_others() -> None:
    container = returning(lambda context: Report(7))
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        info = await manager.wait_for(task_id, 10, worker=Returning)
        assert info.result is not None
        assert info.result.rows_written == 7
        assert await manager.try_get_task(task_id, worker=Returning) == info
        assert [item async for item in manager.watch(task_id, worker=Returning)] == [info]
        blocking = container.blocking_manager()
        assert await asyncio.to_thread(blocking.wait_for, task_id, 10, worker=Returning) == info
        assert await asyncio.to_thread(blocking.try_get_task, task_id, worker=Returning) == info

        said = "worker is InThread, but Work is done by Returning: give that one, or leave it out"
        with pytest.raises(TypeError, match=said):
            await manager.wait_for(task_id, worker=InThread)
        with pytest.raises(TypeError, match=said):
            await manager.try_get_task(task_id, worker=InThread)
        with pytest.raises(TypeError, match="accepted: a subclass of BackgroundWorker"):
            await manager.wait_for(task_id, worker=Report)  # type: ignore[arg-type]


async def test_no_worker_can_be_named_for_a_type_that_is_not_registered(tmp_path: Path) -> None:
    database = str(tmp_path / "tasks.db")
    report = container_of(background_task(Work, providers.Factory(InThread)), database=database)
    async with report.manager() as manager:
        task_id = (await run_to_end(manager, Work())).id
    other = container_of(background_task(Other, providers.Factory(OtherWorker)), database=database)
    async with other.manager() as manager:
        assert (await manager.wait_for(task_id)).type == "Work"
        with pytest.raises(UnregisteredTaskError, match=r"leave out worker="):
            await manager.wait_for(task_id, worker=InThread)


async def test_run_worker_runs_no_other_than_the_named_one() -> None:
    container = returning(lambda context: Report(7))
    run = await run_worker(container, Work(), worker=Returning)
    assert run.info.result == Report(7)
    with pytest.raises(TypeError, match="worker is InThread, but Work is done by Returning"):
        await run_worker(container, Work(), worker=InThread)

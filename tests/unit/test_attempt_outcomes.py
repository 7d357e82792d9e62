"""How an attempt ended, by how its worker did: each through ``run_worker``."""

import asyncio
import contextvars
import logging
import sys
import threading
import traceback
from typing import Any

import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    TaskCancelled,
    UnregisteredTaskError,
    background_task,
)
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.testing import WorkerRun, run_worker
from tests.hosts.scripted import (
    Context,
    OtherWork,
    Progress,
    Script,
    Work,
    container_for,
    container_of,
)

host_variable: contextvars.ContextVar[str] = contextvars.ContextVar("host_variable")


async def run(script: Script, cancel_when: Any = None, **options: Any) -> WorkerRun:
    return await run_worker(container_for(script, **options), Work(), cancel_when=cancel_when)


def at_the_start(_info: BackgroundTaskInfo[Any]) -> bool:
    return True


def at_a_report(info: BackgroundTaskInfo[Any]) -> bool:
    return info.progress > 0


async def test_a_worker_that_returns_has_completed() -> None:
    async def script(context: Context) -> None:
        context.report_progress(50.0, "half", payload=Progress(50))

    result = await run(script)
    info = result.info
    assert (info.status, info.progress, info.attempt) == (Status.COMPLETED, 100.0, 1)
    assert (info.status_message, info.error_message) == ("half", None)
    assert info.completed_at is not None
    assert result.error is None
    assert [update.progress for update in result.updates] == [0.0, 50.0, 100.0]


async def test_a_sync_worker_runs_in_a_thread_of_its_own() -> None:
    threads: list[threading.Thread] = []

    def script(context: Context) -> None:
        threads.append(threading.current_thread())
        context.report_progress(50.0)

    result = await run(script)
    assert result.info.status is Status.COMPLETED
    assert [update.progress for update in result.updates] == [0.0, 50.0, 100.0]
    assert threads[0] is not threading.main_thread()
    assert str(result.info.id) in threads[0].name


@pytest.mark.parametrize("sync", [False, True])
async def test_an_exception_is_a_failure_with_its_message(sync: bool) -> None:
    def fail(_context: Context) -> None:
        raise LookupError("no such movie")

    async def fail_async(context: Context) -> None:
        fail(context)

    result = await run(fail if sync else fail_async)
    assert result.info.status is Status.FAILED
    assert result.info.error_message == "no such movie"
    assert isinstance(result.error, LookupError)
    assert any(frame.name == "fail" for frame in traceback.extract_tb(result.error.__traceback__))


async def test_an_exception_without_a_message_is_named_by_its_class() -> None:
    async def script(_context: Context) -> None:
        raise KeyError

    assert (await run(script)).info.error_message == "KeyError"


async def test_an_exception_whose_message_cannot_be_read_is_a_failure_too() -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    async def script(_context: Context) -> None:
        raise BrokenError

    assert (await run(script)).info.error_message == "BrokenError"


@pytest.mark.parametrize("error", [asyncio.CancelledError, TaskCancelled])
@pytest.mark.parametrize("sync", [False, True])
async def test_cancellation_that_nobody_asked_for_is_a_failure(
    error: type[BaseException], sync: bool
) -> None:
    def raise_it(_context: Context) -> None:
        raise error

    async def raise_it_async(_context: Context) -> None:
        raise error

    info = (await run(raise_it if sync else raise_it_async)).info
    assert info.status is Status.FAILED
    assert "nobody" in (info.error_message or "")


async def test_a_cancelled_worker_is_cancelled_only_when_it_has_ended() -> None:
    ended = asyncio.Event()

    async def script(context: Context) -> None:
        context.report_progress(10.0)
        try:
            await asyncio.Event().wait()
        finally:
            context.report_status("tidied up")
            ended.set()

    result = await run(script, at_a_report)
    assert ended.is_set()
    assert (result.info.status, result.info.status_message) == (Status.CANCELLED, "tidied up")
    assert result.info.error_message is None


async def test_a_sync_worker_is_asked_and_ends_by_raising() -> None:
    def script(context: Context) -> None:
        context.report_progress(10.0)
        context.cancellation_token.wait(10.0)
        context.cancellation_token.raise_if_cancellation_requested()

    assert (await run(script, at_a_report)).info.status is Status.CANCELLED


async def test_a_worker_that_returns_after_it_saw_the_request_counts_as_cancelled() -> None:
    def script(context: Context) -> None:
        context.report_progress(10.0)
        assert context.cancellation_token.wait(10.0)

    assert (await run(script, at_a_report)).info.status is Status.CANCELLED


async def test_a_cooperative_worker_that_never_looks_completes() -> None:
    go_on = asyncio.Event()

    async def script(context: Context) -> None:
        context.report_progress(10.0)
        await go_on.wait()

    def cancel_and_go_on(info: BackgroundTaskInfo[Any]) -> bool:
        asyncio.get_running_loop().call_later(0.02, go_on.set)
        return at_a_report(info)

    result = await run(script, cancel_and_go_on, cancellation="cooperative")
    assert result.info.status is Status.COMPLETED


async def test_a_cooperative_worker_only_gets_its_token_set() -> None:
    async def script(context: Context) -> None:
        context.report_progress(10.0)
        await context.cancellation_token.wait_async()
        context.report_progress(20.0)

    result = await run(script, at_a_report, cancellation="cooperative")
    assert (result.info.status, result.info.progress) == (Status.CANCELLED, 20.0)


async def test_an_async_worker_that_swallows_its_cancellation_counts_as_cancelled() -> None:
    async def script(context: Context) -> None:
        context.report_progress(10.0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    assert (await run(script, at_a_report)).info.status is Status.CANCELLED


async def test_an_error_while_it_ends_after_a_request_is_a_failure() -> None:
    async def script(context: Context) -> None:
        context.report_progress(10.0)
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("could not undo")

    info = (await run(script, at_a_report)).info
    assert (info.status, info.error_message) == (Status.FAILED, "could not undo")


async def test_a_task_cancelled_before_it_began_builds_no_worker() -> None:
    async def script(_context: Context) -> None:
        raise AssertionError

    assert (await run(script, at_the_start)).info.status is Status.CANCELLED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
@pytest.mark.parametrize("sync", [False, True])
async def test_a_final_status_that_the_worker_set_stands_though_it_raises_then(
    status: Status, sync: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def set_and_raise(context: Context) -> None:
        context.set_status(status, "decided", error_message="so it is")
        raise ValueError("afterwards")

    async def set_and_raise_async(context: Context) -> None:
        set_and_raise(context)

    with caplog.at_level(logging.WARNING):
        result = await run(set_and_raise if sync else set_and_raise_async)
    info = result.info
    assert (info.status, info.status_message, info.error_message) == (status, "decided", "so it is")
    assert any("afterwards" in str(record.exc_info) for record in caplog.records)


async def test_what_is_reported_after_a_final_status_is_not_shown() -> None:
    async def script(context: Context) -> None:
        context.report_progress(30.0)
        context.set_status(Status.FAILED, error_message="given up")
        context.report_progress(60.0)

    info = (await run(script)).info
    assert (info.status, info.progress, info.error_message) == (Status.FAILED, 30.0, "given up")


@pytest.mark.parametrize("sync", [False, True])
async def test_leaving_the_program_is_a_failure_and_the_process_lives(sync: bool) -> None:
    def leave(_context: Context) -> None:
        sys.exit("enough")

    async def leave_async(_context: Context) -> None:
        sys.exit("enough")

    info = (await run(leave if sync else leave_async)).info
    assert (info.status, info.error_message) == (Status.FAILED, "enough")


async def test_a_worker_that_cannot_be_built_is_a_failure() -> None:
    def broken() -> None:
        raise ConnectionError("no database")

    container = container_of(background_task(Work, providers.Factory(broken)))
    info = (await run_worker(container, Work())).info
    assert (info.status, info.error_message) == (Status.FAILED, "no database")


async def test_the_variables_of_the_caller_do_not_reach_the_worker() -> None:
    seen: list[str] = []

    async def script(_context: Context) -> None:
        seen.append(host_variable.get("nothing"))

    host_variable.set("a request")
    await run(script)
    assert seen == ["nothing"]


async def test_child_tasks_of_a_worker_may_report() -> None:
    async def script(context: Context) -> None:
        async with asyncio.TaskGroup() as group:
            for percent in (20.0, 40.0):
                group.create_task(asyncio.to_thread(context.report_progress, percent))

    result = await run(script)
    assert result.info.status is Status.COMPLETED
    assert {update.progress for update in result.updates} == {0.0, 20.0, 40.0, 100.0}


async def test_the_worker_gets_the_task_as_it_was_handed_in() -> None:
    seen: list[BackgroundTaskBase] = []

    async def script(context: Context) -> None:
        seen.append(context.task)
        assert context.state.status is Status.RUNNING
        assert context.state.name == "Work"

    task = Work(text="movie")
    await run_worker(container_for(script), task)
    assert seen == [task]


async def test_a_task_of_an_unregistered_type_is_refused() -> None:
    async def script(_context: Context) -> None: ...

    with pytest.raises(UnregisteredTaskError, match=r"OtherWork.*Registered here: Work"):
        await run_worker(container_for(script), OtherWork())


async def test_a_subclass_of_a_registered_type_is_not_registered() -> None:
    @frozen(kw_only=True)
    class Special(Work):
        pass

    async def script(_context: Context) -> None: ...

    with pytest.raises(UnregisteredTaskError, match="Special"):
        await run_worker(container_for(script), Special())


async def test_the_clock_of_the_container_dates_the_run() -> None:
    async def script(_context: Context) -> None: ...

    container = container_for(script)
    info = (await run_worker(container, Work(), owner="ann")).info
    assert info.created_at == info.completed_at == container.clock().now()
    assert info.owner == "ann"

"""Hooks are called around attempts; whatever they raise changes nothing."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTasksContainer, BackgroundTaskStatus, Retry
from bgtasks.hooks import BackgroundTaskHook, HookedAttempt
from tests.hosts.scripted import (
    Context,
    Gate,
    Work,
    clock_of,
    container_for,
    run_to_end,
    running,
    until,
)

COMPLETED, FAILED = BackgroundTaskStatus.COMPLETED, BackgroundTaskStatus.FAILED

scene: contextvars.ContextVar[str] = contextvars.ContextVar("scene", default="nothing")


class Noting(BackgroundTaskHook):
    """Notes what it sees."""

    def __init__(self, name: str = "hook", notes: list[Any] | None = None) -> None:
        self.name = name
        self.notes: list[Any] = [] if notes is None else notes
        self.attempts: list[HookedAttempt] = []

    def submitted(self, task: Any, headers: Any) -> None:
        headers[self.name] = f"{scene.get()} {task.text}"

    @asynccontextmanager
    async def around(self, attempt: HookedAttempt) -> AsyncIterator[None]:
        self.attempts.append(attempt)
        scene.set(f"inside {self.name}")
        self.notes.append(f"enter {self.name}")
        try:
            yield
        except BaseException as error:
            self.notes.append(f"leave {self.name} with {type(error).__name__}")
            raise
        self.notes.append(f"leave {self.name}")


def with_hooks(container: BackgroundTasksContainer, *hooks: Any) -> BackgroundTasksContainer:
    container.hooks.override(providers.Object(list(hooks)))
    return container


async def test_hooks_are_entered_in_order_around_the_worker_and_left_in_reverse() -> None:
    notes: list[Any] = []

    async def work(context: Context) -> None:
        notes.append(f"work {scene.get()}")

    first, second = Noting("first", notes), Noting("second", notes)
    container = with_hooks(container_for(work), first, second)
    async with running(container) as manager:
        info = await run_to_end(manager, Work(text="x"), owner="ada")
    assert info.status is COMPLETED
    assert notes == [
        *["enter first", "enter second", "work inside second", "leave second", "leave first"]
    ]
    (attempt,) = first.attempts
    assert attempt.task == Work(id=info.id, text="x")
    assert (attempt.info.attempt, attempt.info.owner) == (1, "ada")
    assert attempt.info.status is BackgroundTaskStatus.RUNNING


async def test_a_worker_in_a_thread_sees_what_a_hook_set() -> None:
    seen: list[str] = []
    container = with_hooks(container_for(lambda context: seen.append(scene.get())), Noting("a"))
    async with running(container) as manager:
        await run_to_end(manager, Work())
    assert seen == ["inside a"]


async def test_headers_go_from_the_submitter_to_every_attempt_and_not_to_clients() -> None:
    tries = 0

    async def work(context: Context) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ValueError

    hook = Noting("a")
    container = with_hooks(
        container_for(work, retry=Retry(max_attempts=3, backoff=1, jitter=0)), hook, Noting("b")
    )
    clock = clock_of(container)
    async with running(container) as manager:
        scene.set("in a request")
        task_id = await manager.run_task(Work(text="x"))
        while (await manager.try_get_task(task_id)).status is not COMPLETED:  # type: ignore[union-attr]
            clock.advance(1)
            await asyncio.sleep(0)
        info = await manager.wait_for(task_id)
    assert [item.headers for item in hook.attempts] == [
        {"a": "in a request x", "b": "in a request x"}
    ] * 3
    assert [item.info.attempt for item in hook.attempts] == [1, 2, 3]
    assert "request" not in info.to_json()


async def test_a_hook_is_left_with_the_error_of_the_attempt() -> None:
    async def work(context: Context) -> None:
        raise ValueError("no disk")

    hook = Noting("a")
    async with running(with_hooks(container_for(work), hook)) as manager:
        info = await run_to_end(manager, Work())
    assert (info.status, info.error_message) == (FAILED, "no disk")
    assert hook.notes == ["enter a", "leave a with ValueError"]


async def test_a_cancelled_attempt_leaves_its_hooks() -> None:
    gate, hook = Gate(), Noting("a")
    async with running(with_hooks(container_for(gate), hook)) as manager:
        task_id = await manager.run_task(Work())
        await gate.begun.wait()
        await manager.cancel_task(task_id)
        info = await manager.wait_for(task_id, 10)
    assert info.status is BackgroundTaskStatus.CANCELLED
    assert hook.notes == ["enter a", "leave a with CancelledError"]


class Swallows(BackgroundTaskHook):
    @asynccontextmanager
    async def around(self, attempt: HookedAttempt) -> AsyncIterator[None]:
        with suppress(ValueError):
            yield


async def test_a_hook_that_swallows_the_error_changes_nothing() -> None:
    async def work(context: Context) -> None:
        raise ValueError("no disk")

    outer = Noting("a")
    async with running(with_hooks(container_for(work), outer, Swallows())) as manager:
        info = await run_to_end(manager, Work())
    assert (info.status, info.error_message) == (FAILED, "no disk")
    assert outer.notes == ["enter a", "leave a with ValueError"]


def failing(
    where: str, error: Callable[[], BaseException]
) -> Callable[..., AbstractAsyncContextManager[None]]:
    class Failing:
        async def __aenter__(self) -> None:
            if where == "enter":
                raise error()

        async def __aexit__(self, *_: object) -> None:
            if where == "leave":
                raise error()

    def around(self: Any, attempt: HookedAttempt) -> Any:
        if where == "around":
            raise error()
        return Failing() if where != "nothing to enter" else None

    return around


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("where", ["submitted", "around", "enter", "leave", "nothing to enter"])
async def test_an_error_of_a_hook_changes_nothing_and_is_logged(
    where: str, error: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Bad(BackgroundTaskHook):
        around = failing(where, error)

        def submitted(self, task: Any, headers: Any) -> None:
            headers["bad"] = "written before it failed"
            if where == "submitted":
                raise error()

    async def work(context: Context) -> None:
        context.report_status("did it")

    good = Noting("good")
    with caplog.at_level(logging.ERROR):
        async with running(with_hooks(container_for(work), Bad(), good)) as manager:
            info = await run_to_end(manager, Work())
    assert (info.status, info.status_message) == (COMPLETED, "did it")
    assert good.notes == ["enter good", "leave good"]
    assert ("bad" in good.attempts[0].headers) is (where != "submitted")
    (line,) = [item for item in caplog.records if "hook" in item.getMessage()]
    assert "the hook Bad." in line.getMessage()
    assert line.task_id == str(info.id)  # type: ignore[attr-defined]


@pytest.mark.parametrize("headers", [{"a": "x" * 5_000}, {"a": 1}, {1: "a"}])
async def test_headers_that_cannot_be_kept_are_left_out(
    headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Heavy(BackgroundTaskHook):
        def submitted(self, task: Any, kept: Any) -> None:
            kept.update(headers)

    async def work(context: Context) -> None:
        pass

    last = Noting("last")
    with caplog.at_level(logging.ERROR):
        async with running(with_hooks(container_for(work), Heavy(), last)) as manager:
            assert (await run_to_end(manager, Work())).status is COMPLETED
    assert list(last.attempts[0].headers) == ["last"]
    assert "headers" in caplog.text


async def test_a_hook_that_does_not_end_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    class Endless(BackgroundTaskHook):
        @asynccontextmanager
        async def around(self, attempt: HookedAttempt) -> AsyncIterator[None]:
            yield
            leaving.set()
            await asyncio.Event().wait()

    async def work(context: Context) -> None:
        pass

    leaving, outer = asyncio.Event(), Noting("outer")
    container = with_hooks(container_for(work), outer, Endless())
    with caplog.at_level(logging.ERROR):
        async with running(container) as manager:
            task_id = await manager.run_task(Work())
            await leaving.wait()
            clock_of(container).advance(5)
            info = await manager.wait_for(task_id, 10)
    assert info.status is COMPLETED
    assert outer.notes == ["enter outer", "leave outer"]
    assert "the hook Endless.around failed" in caplog.text


async def test_a_hook_may_use_the_manager_and_have_only_one_of_the_methods() -> None:
    class Counts:
        """No subclass of the base class."""

        def __init__(self, manager: Any) -> None:
            self.manager = manager

        @asynccontextmanager
        async def around(self, attempt: HookedAttempt) -> AsyncIterator[None]:
            found.append(await self.manager.try_get_task(attempt.info.id))
            yield

    async def work(context: Context) -> None:
        pass

    found: list[Any] = []
    container = container_for(work)
    container.hooks.override(providers.List(providers.Singleton(Counts, container.manager)))
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
    assert [item.id for item in found] == [info.id]


class Told(BackgroundTaskHook):
    """Keeps what it is told of ends."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str | None]] = []
        self.is_told = asyncio.Event()

    async def settled(self, info: Any, failure: Any) -> None:
        self.ends.append((info.status.value, failure and failure.error and failure.error.message))
        self.is_told.set()


async def fail(_context: Context) -> None:
    raise ValueError("no disk")


async def test_a_hook_is_told_of_each_end_and_not_of_attempts_that_are_retried() -> None:
    hook = Told()
    container = with_hooks(container_for(fail, retry=Retry(max_attempts=3, backoff=1)), hook)
    clock = clock_of(container)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        while not (await manager.try_get_task(task_id)).status.is_final:  # type: ignore[union-attr]
            clock.advance(1)
        await asyncio.wait_for(hook.is_told.wait(), 10)
    assert hook.ends == [("Failed", "no disk")]


async def test_a_plain_function_is_told_of_a_cancel_and_a_success() -> None:
    told: list[tuple[str, Any]] = []

    class Plain:
        def settled(self, info: Any, failure: Any) -> None:
            told.append((info.status.value, failure))

    gate = Gate()
    async with running(with_hooks(container_for(gate, max_concurrency=1), Plain())) as manager:
        first = await manager.run_task(Work())
        await gate.begun.wait()
        await manager.cancel_task(await manager.run_task(Work()))
        await until(lambda: told == [("Cancelled", None)])
        gate.open.set()
        await manager.wait_for(first, 10)
        await until(lambda: told == [("Cancelled", None), ("Completed", None)])


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError])
async def test_a_hook_that_fails_keeps_no_other_from_being_told_and_is_told_once(
    error: Any, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    class Bad:
        def settled(self, info: Any, failure: Any) -> None:
            calls.append(info.id)
            raise error("hook is broken")

    hook = Told()
    container = with_hooks(container_for(fail), Bad(), hook)
    async with running(container) as manager:
        await run_to_end(manager, Work())
        await until(lambda: hook.ends)
        clock_of(container).advance(1_000)
        await run_to_end(manager, Work())
        await until(lambda: len(hook.ends) == 2)
    assert len(calls) == len(set(calls)) == 2
    assert "Bad.settled failed" in caplog.text


async def test_a_hook_that_hangs_is_given_up_and_the_stop_does_not_wait_for_it() -> None:
    begun = asyncio.Event()

    class Hangs:
        async def settled(self, info: Any, failure: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

    hook = Told()
    container = with_hooks(container_for(fail), Hangs(), hook)
    async with running(container) as manager:
        await run_to_end(manager, Work())
        await begun.wait()
        clock_of(container).advance(31)
        await until(lambda: hook.ends)

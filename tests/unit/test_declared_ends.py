"""What a worker declares with ``set_status``, and what it knows of its own task."""

import threading
from typing import Any

import pytest
from attrs import frozen

from bgtasks import BackgroundTaskBase, BackgroundTaskInfo, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.testing import run_worker
from tests.hosts.scripted import (
    Context,
    Failing,
    Progress,
    Work,
    container_for,
    container_of,
    done,
    get,
    run_to_end,
    running,
    worker_of,
)

DIRTY = [
    ("caf\udce9.txt", "caf?.txt"),
    ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
    ("x" * 5000, "x" * 3999 + "…"),
    ("\udcff" * 5000 + "\0", "?" * 3999 + "…"),
]


@pytest.mark.parametrize(("text", "stored"), DIRTY, ids=["surrogate", "NUL", "long", "all"])
@pytest.mark.parametrize("status", [Status.FAILED, Status.COMPLETED, Status.CANCELLED])
async def test_a_declared_end_is_stored_whatever_its_texts(
    text: str, stored: str, status: Status
) -> None:
    """FAULTS 2: its place is free again and its payload is kept."""

    async def script(context: Context) -> None:
        context.set_payload(Progress(1))
        context.set_status(status, text, error_message=text)

    async with running(container_for(script, max_concurrency=1)) as manager:
        for _ in range(2):  # the second one needs the place of the first
            info = await run_to_end(manager, Work())
            assert (info.status, info.attempt) == (status, 1)
            assert (info.status_message, info.error_message) == (stored, stored)
            assert info.payload == {"copiedBytes": 1, "totalBytes": 100}


@frozen(kw_only=True)
class Strange(BackgroundTaskBase):
    """A task all of whose texts are strange."""

    text: str

    @property
    def display_name(self) -> str:
        return self.text

    @property
    def initial_status_message(self) -> str:
        return self.text


@pytest.mark.parametrize(("text", "stored"), DIRTY, ids=["surrogate", "NUL", "long", "all"])
async def test_the_testing_kit_shows_the_texts_that_would_be_stored(text: str, stored: str) -> None:
    container = container_of(background_task(Strange, worker_of(done)))
    async with running(container) as manager:
        kept = await get(manager, await manager.run_task(Strange(text=text), delay=60))
    run = await run_worker(container, Strange(text=text))
    assert run.info.name == kept.name
    assert kept.status_message == stored


async def test_a_payload_given_with_the_final_status_is_stored_with_it() -> None:
    """FAULTS 42"""

    async def script(context: Context) -> None:
        context.set_status(Status.FAILED, "over", payload=Progress(7), error_message="why")

    async with running(container_for(script, payload_type=Progress)) as manager:
        info = await run_to_end(manager, Work())
    assert (info.status, info.status_message, info.error_message) == (Status.FAILED, "over", "why")
    assert info.payload == Progress(7)


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_worker_knows_owner_and_attempt_of_its_task(in_thread: bool) -> None:
    """FAULTS 42"""
    seen: list[BackgroundTaskInfo[Any]] = []

    def look(context: Context) -> None:
        context.report_progress(30.0, "looking", payload=Progress(30))
        seen.append(context.info)

    async def look_on_the_loop(context: Context) -> None:
        look(context)

    container = container_for(look if in_thread else look_on_the_loop)
    async with running(container) as manager:
        final = await run_to_end(manager, Work(text="x"), owner="ann")
    run = await run_worker(container, Work(text="x"), owner="ann")
    assert run.info.status is Status.COMPLETED
    for info in seen:
        assert (info.owner, info.attempt, info.status) == ("ann", 1, Status.RUNNING)
        assert (info.progress, info.status_message) == (30.0, "looking")
        assert (info.payload, info.cancel_requested) == (Progress(30), False)
    assert (seen[0].id, seen[0].created_at) == (final.id, final.created_at)
    assert seen[0].revision < final.revision


async def test_a_worker_knows_that_it_is_tried_again_and_that_it_is_cancelled() -> None:
    failing = Failing(1)
    seen: list[BackgroundTaskInfo[Any]] = []

    async def script(context: Context) -> None:
        seen.append(context.info)
        await failing.run(context)

    container = container_for(script, retry=None)
    run = await run_worker(container, Work(), cancel_when=lambda _: True)
    assert run.info.status is Status.CANCELLED
    async with running(container) as manager:
        task_id = await manager.run_task(Work(), owner="ann")
        await manager.wait_for(task_id, 10)
        await manager.retry_task(task_id)
        await manager.wait_for(task_id, 10)
    assert [info.attempt for info in seen] == [1, 2]


async def test_info_says_that_cancellation_was_asked_for_in_any_thread() -> None:
    seen: list[tuple[bool, bool]] = []

    def script(context: Context) -> None:
        before = context.info.cancel_requested
        context.report_progress(1.0)
        context.cancellation_token.wait(10.0)
        thread = threading.Thread(
            target=lambda: seen.append((before, context.info.cancel_requested))
        )
        thread.start()
        thread.join()

    run = await run_worker(
        container_for(script), Work(), cancel_when=lambda info: info.progress == 1.0
    )
    assert run.info.status is Status.CANCELLED
    assert seen == [(False, True)]

"""What is done to all tasks that fit a filter; running a task again; dropping one."""

from uuid import uuid4

import pytest

from bgtasks import (
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BulkResult,
    QueryError,
    TaskFilter,
    TaskNotFoundError,
    TaskStateError,
    background_task,
)
from tests.hosts.scripted import Context, OtherWork, Work, container_of, done, running, worker_of

Status = BackgroundTaskStatus


async def fail(_context: Context) -> None:
    raise ValueError("no")


def two_types() -> BackgroundTasksContainer:
    return container_of(
        background_task(Work, worker_of(done)), background_task(OtherWork, worker_of(fail))
    )


async def test_all_that_fit_are_cancelled_however_many_there_are() -> None:
    async with running(two_types()) as manager:
        await manager.run_tasks([Work() for _ in range(250)], owner="ann", delay=60)
        kept = await manager.run_task(Work(), owner="bob", delay=60)
        result = await manager.cancel_tasks(owner="ann")
        assert result == BulkResult(matched=250, done=250, gone=0)
        assert await manager.count_tasks(owner="ann", status=["Pending", "Cancelled"]) == {
            Status.PENDING: 0,
            Status.CANCELLED: 250,
        }
        assert await manager.count_tasks(owner="bob", status="Pending") == {Status.PENDING: 1}
        assert await manager.cancel_tasks(TaskFilter(owner="ann")) == BulkResult(
            matched=0, done=0, gone=0
        )
        assert (await manager.cancel_tasks()).done == 1  # nothing named: everything
        found = await manager.try_get_task(kept)
    assert found is not None
    assert found.status is Status.CANCELLED


async def test_all_that_have_failed_run_again() -> None:
    async with running(two_types()) as manager:
        ids = await manager.run_tasks([OtherWork() for _ in range(3)])
        ended = await manager.run_task(Work())
        for task_id in [*ids, ended]:
            await manager.wait_for(task_id, 10)
        assert (await manager.retry_tasks(status="Completed")).matched == 0
        assert (await manager.retry_tasks(q="words that nothing has")).matched == 0
        result = await manager.retry_tasks()
        assert (result.matched, result.done) == (3, 3)
        for task_id in ids:
            info = await manager.wait_for(task_id, 10)
            assert (info.attempt, info.status) == (2, Status.FAILED)


async def test_a_filter_is_given_once_and_has_known_fields() -> None:
    async with running(two_types()) as manager:
        with pytest.raises(QueryError, match="a filter has no 'state'; accepted: type, status"):
            await manager.cancel_tasks(state="Failed")  # type: ignore[call-arg]
        with pytest.raises(QueryError, match="a filter and type are both given"):
            await manager.retry_tasks(TaskFilter(), type="Work")
        with pytest.raises(QueryError, match="filter is 'Work'; accepted: a TaskFilter"):
            await manager.count_tasks("Work")  # type: ignore[arg-type]


async def test_run_again_is_a_new_task_with_the_same_arguments_owner_and_priority() -> None:
    async with running(two_types()) as manager:
        first = await manager.run_task(Work(), owner="ann", priority=5)
        before = await manager.wait_for(first, 10)
        second = await manager.run_again(first)
        after = await manager.wait_for(second, 10)
        assert second != first
        assert (after.type, after.name, after.owner) == (before.type, before.name, "ann")
        assert (after.attempt, after.status) == (1, Status.COMPLETED)
        again = await manager.try_get_task(first)
        assert again == before
        with pytest.raises(TaskNotFoundError):
            await manager.run_again(uuid4())


async def test_a_final_task_is_dropped_and_no_other_one() -> None:
    async with running(two_types()) as manager:
        ended, waiting = (
            await manager.run_task(OtherWork()),
            await manager.run_task(Work(), delay=60),
        )
        await manager.wait_for(ended, 10)
        await manager.delete_task(ended)
        assert await manager.try_get_task(ended) is None
        assert await manager.get_attempts(ended) == []
        assert sum((await manager.count_tasks()).values()) == 1
        with pytest.raises(TaskNotFoundError):
            await manager.delete_task(ended)
        with pytest.raises(TaskStateError, match="is Pending and cannot be deleted"):
            await manager.delete_task(waiting)
        assert await manager.try_get_task(waiting) is not None


async def test_all_that_are_final_are_dropped_and_no_others() -> None:
    async with running(two_types()) as manager:
        ids = await manager.run_tasks([Work() for _ in range(120)])
        failed = await manager.run_task(OtherWork())
        kept = await manager.run_task(Work(), delay=60)
        for task_id in [*ids, failed]:
            await manager.wait_for(task_id, 10)
        assert await manager.count_types() == {"OtherWork": 1, "Work": 121}
        assert await manager.count_types(status="Failed") == {"OtherWork": 1}
        result = await manager.delete_tasks(type="Work")
        assert result == BulkResult(matched=120, done=120, gone=0)
        assert await manager.delete_tasks(status="Pending") == BulkResult(matched=0, done=0, gone=0)
        found = {info.id for info in (await manager.get_tasks()).items}
    assert found == {failed, kept}

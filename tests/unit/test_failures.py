"""Failures that are the same one, through the manager: found, counted, and run again together."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks.errors import QueryError
from tests.hosts.scripted import PATIENCE, Context, Work, clock_of, container_for, running


class Share:
    """Is full, until it is not."""

    is_full = True
    number = 0

    def run(self, context: Context) -> None:
        self.number += 1
        if self.is_full:
            raise OSError(f"no space on /mnt/share-{self.number} for '{context.task.id}'")


async def test_those_that_failed_for_the_same_reason_are_run_again_together() -> None:
    share = Share()
    async with running(container_for(share.run)) as manager:
        failed = [await manager.run_task(Work()) for _ in range(5)]
        for task_id in failed:
            await manager.wait_for(task_id, PATIENCE)
        (group,) = await manager.get_failures()
        assert (group.error_type, group.still_failed, group.recovered) == ("OSError", 5, 0)
        assert str(group.frame).endswith("test_failures.py in Share.run")
        assert "no space on /mnt/share-" in group.sample
        assert group.sample_task == failed[-1]
        (attempt,) = await manager.get_attempts(failed[0])
        assert attempt.group == group.group
        share.is_full = False
        result = await manager.retry_tasks(error=group.group)
        assert (result.matched, result.done) == (5, 5)
        for task_id in failed:
            assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED
        (group,) = await manager.get_failures()
        assert (group.still_failed, group.recovered) == (0, 5)
        counts = await manager.count_tasks(error=group.group)
        assert counts[Status.COMPLETED] == 5


async def test_failures_are_those_of_a_time_and_a_type() -> None:
    container = container_for(Share().run)
    async with running(container) as manager:
        await manager.wait_for(await manager.run_task(Work()), PATIENCE)
        now = clock_of(container).now()
        assert len(await manager.get_failures(now, type="Work")) == 1
        assert await manager.get_failures(type="Other") == []
        assert await manager.get_failures(now - timedelta(hours=2), now) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"from_": datetime(2026, 1, 1)}, "from is datetime.datetime"),  # noqa: DTZ001 - refused
        ({"to": "now"}, "to is 'now'; accepted: a time with a time zone"),
        ({"type": 5}, "type is 5"),
    ],
)
async def test_what_is_no_time_and_no_type_is_refused(asked: Any, said: str) -> None:
    async with running(container_for(Share().run)) as manager:
        with pytest.raises(QueryError, match=said):
            await manager.get_failures(**asked)

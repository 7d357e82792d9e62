"""The places of a process: who takes one, and who doesn't any more."""

from datetime import UTC, datetime

from bgtasks.backends.loops.runs import Run, Runs
from bgtasks.core.record import TaskRecord
from bgtasks.ids import uuid7
from bgtasks.models import BackgroundTaskStatus

RUNNING = BackgroundTaskStatus.RUNNING


def a_record() -> TaskRecord:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return TaskRecord(uuid7(), "Quick", "Quick", "{}", now, now, status=RUNNING, attempt=1)


async def test_an_attempt_that_has_ended_takes_no_place_while_its_outcome_is_written() -> None:
    runs = Runs(2)
    first, second = Run(1, a_record()), Run(2, a_record())
    runs.add(first)
    runs.add(second)
    assert runs.free == 0
    runs.end(first)
    assert (runs.free, len(runs)) == (1, 2)
    runs.remove(first)
    runs.remove(first)
    assert (runs.free, len(runs)) == (1, 1)
    runs.remove(second)
    assert (runs.free, len(runs)) == (2, 0)


async def test_a_job_that_is_given_again_replaces_its_old_run_whether_that_has_ended_or_not() -> (
    None
):
    for ends_before in (True, False):
        runs = Runs(3)
        old = Run(1, a_record())
        runs.add(old)
        if ends_before:
            runs.end(old)
        new = Run(1, old.record._replace(attempt=2))
        runs.add(new)
        assert (runs.free, runs.at(1)) == (2, new)
        if not ends_before:
            runs.end(old)
        runs.remove(old)
        assert (runs.free, runs.at(1)) == (2, new)
        runs.end(new)
        runs.remove(new)
        assert (runs.free, list(runs)) == (3, [])


async def test_a_run_holds_its_task_unless_that_waits_or_is_another_attempts() -> None:
    runs = Runs(1)
    run = Run(1, a_record())
    runs.add(run)
    assert runs.holds(1, run.record)
    assert runs.holds(1, run.record._replace(status=BackgroundTaskStatus.COMPLETED))
    assert not runs.holds(1, run.record._replace(status=BackgroundTaskStatus.PENDING))
    assert not runs.holds(1, run.record._replace(attempt=2))
    assert not runs.holds(2, run.record)

"""What a manager tells of all tasks, and for how long."""

from datetime import timedelta

from bgtasks.clock import Timing
from tests.hosts.scripted import (
    Failing,
    Work,
    clock_of,
    container_for,
    done,
    run_to_end,
    running,
    until,
)

DAY = 86400.0


async def test_what_happened_outlives_the_tasks_it_happened_to() -> None:
    container = container_for(done)
    container.config.from_dict({"retention": "1 hour"})
    clock = clock_of(container)
    async with running(container) as manager:
        await run_to_end(manager, Work())
        began = clock.now()
        while (await manager.get_tasks()).items:
            clock.advance(1800)
            await until(lambda: clock.pending)
        history = await manager.get_history(began - timedelta(hours=1), step="1 h")
        assert sum(point.completed or 0 for point in history.points) == 1
        of_others = await manager.get_history(began - timedelta(hours=1), step=3600, type="Other")
        assert sum(point.completed or 0 for point in of_others.points) == 0
        assert (await manager.get_stats()).completed == 0


async def test_old_statistics_are_summed_up_and_dropped_in_time() -> None:
    container = container_for(done)
    container.config.from_dict({"statistics_retention": "3 days"})
    clock = clock_of(container)
    async with running(container) as manager:
        await run_to_end(manager, Work())
        began = clock.now()
        clock.advance(2.5 * DAY)
        history = await manager.get_history(began, step="1 h")
        assert sum(point.completed or 0 for point in history.points) == 1
        clock.advance(1 * DAY)
        while (await manager.get_history(began)).known_since == began:
            clock.advance(Timing().prune_every)
        history = await manager.get_history(began)
        assert history.known_since > began
        assert history.points[0].completed is None


async def test_a_type_whose_attempts_fail_needs_attention() -> None:
    container = container_for(Failing(5).run)
    async with running(container) as manager:
        for _ in range(6):
            await run_to_end(manager, Work())
        (found,) = (await manager.get_stats()).attention
    assert (found.kind, found.type) == ("failing", "Work")
    assert found.text == "83% of the attempts of Work fail, usually 0%"
    assert found.filter == {"type": "Work", "status": "Failed"}


async def test_a_type_fails_since_its_first_failure_after_a_quarter_of_an_hour_without() -> None:
    fails = False

    async def work(_: object) -> None:
        if fails:
            raise ValueError

    container = container_for(work)
    clock = clock_of(container)
    async with running(container) as manager:
        for _ in range(80):
            await run_to_end(manager, Work())
        fails = True
        for pause in (6 * 3600, 3600):
            clock.advance(pause)
            began = clock.now()
            for _ in range(20):
                clock.advance(100)
                await run_to_end(manager, Work())
            (found,) = (await manager.get_stats()).attention
            assert clock.now() - began > timedelta(minutes=30)
            assert found.kind == "failing"
            first = began + timedelta(seconds=100)
            assert found.since == first.replace(second=0, microsecond=0)

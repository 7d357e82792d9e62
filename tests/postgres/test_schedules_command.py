"""``python -m bgtasks schedules --app``: a visitor among the processes of an application."""

import asyncio
import sys
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTasksContainer, Cron, ScheduleNotFoundError, background_task, schedule
from bgtasks.cli.tasks.manager_tasks import open_manager_tasks
from tests.hosts.processes import environment
from tests.hosts.scripted import Work, done, worker_of


def application(database: str, *names: str, hour: int = 3, **settings: Any) -> Any:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Work, worker_of(done))),
        schedules=providers.List(
            *(schedule(name, Cron(f"0 {hour} * * *"), providers.Factory(Work)) for name in names)
        ),
    )
    container.config.from_dict({"database": database, **settings})
    return container


async def test_a_visitor_registers_nothing_and_does_what_is_asked(task_database: str) -> None:
    async with application(task_database, "nightly").manager() as manager:
        visitor = application(task_database, "nightly", "new", hour=4, run_schedules=True)
        async with open_manager_tasks(visitor, "here") as client:
            (info,) = await client.schedules()
            assert (info.name, info.spec, info.registered) == ("nightly", "0 3 * * *", True)
            ran = await client.run_schedule("nightly")
            assert ran.last_task is not None
            assert (await manager.wait_for(ran.last_task, 30)).status == "Completed"
            assert (await client.pause_schedule("nightly")).paused
            with pytest.raises(ScheduleNotFoundError, match="new"):
                await client.run_schedule("new")
        assert (await manager.get_schedule("nightly")).paused


async def test_what_no_process_has_is_shown_as_such_though_the_visitor_has_it(
    task_database: str,
) -> None:
    container = application(task_database, "nightly")
    async with container.manager():
        pass
    async with open_manager_tasks(container, "here") as client:
        (info,) = await client.schedules()
    assert not info.registered


async def test_the_check_of_worker_processes_registers_and_drops_nothing(
    task_database: str, sql: Any
) -> None:
    async with application(task_database).manager() as manager:
        await manager.wait_for(await manager.run_task(Work()), 30)
    await sql.execute("UPDATE bgtasks_tasks SET completed_at = now() - interval '1 year'")
    checking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bgtasks", "worker", "tests.hosts.ticking_app:application"),
        "--check",
        env=environment(HOST_DATABASE=task_database),
    )
    assert await checking.wait() == 1
    kept = "SELECT (SELECT count(*) FROM bgtasks_tasks), (SELECT count(*) FROM bgtasks_schedules)"
    assert tuple(await sql.fetchrow(kept)) == (1, 0)

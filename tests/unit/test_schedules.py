"""Schedules of a running manager: what is submitted at which tick, and what is not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskManager,
    BackgroundTasksContainer,
    Cron,
    Every,
    RegistrationError,
    ScheduleInfo,
    ScheduleNotFoundError,
    SettingsError,
    UnregisteredTaskError,
    background_task,
    schedule,
)
from bgtasks.testing import FakeClock, schedule_ticks
from tests.hosts.scripted import (
    Context,
    Gate,
    OtherWork,
    Work,
    clock_of,
    done,
    run_to_end,
    running,
    until,
    worker_of,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURLY = Every(hours=1)
HOUR = timedelta(hours=1)


def hours(*numbers: float) -> list[datetime]:
    return [START + number * HOUR for number in numbers]


class Seen:
    """A script that remembers the ticks it was run for."""

    def __init__(self) -> None:
        self.ticks: list[datetime | None] = []
        self.missed: list[int] = []

    async def run(self, context: Context) -> None:
        self.ticks.append(context.tick)
        self.missed.append(context.missed)


def scheduled(
    *schedules: Any, script: Any = done, clock: FakeClock | None = None, **config: Any
) -> BackgroundTasksContainer:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Work, worker_of(script))),
        schedules=providers.List(*schedules),
    )
    container.config.from_dict({"database": ":memory:", **config})
    container.clock.override(clock or FakeClock())
    return container


def work(name: str = "work", spec: Any = HOURLY, **options: Any) -> Any:
    return schedule(name, spec, providers.Factory(Work, text=name), **options)


async def info_of(manager: BackgroundTaskManager, name: str = "work") -> ScheduleInfo:
    return next(item for item in await manager.get_schedules() if item.name == name)


async def until_ticked(
    manager: BackgroundTaskManager, tick: datetime, name: str = "work"
) -> ScheduleInfo:
    """Wait until what becomes of a tick is written."""
    async with asyncio.timeout(10):
        while True:
            info = await info_of(manager, name)
            if info.last_tick == tick:
                return info
            await asyncio.sleep(0.002)


async def advance(
    container: Any, manager: BackgroundTaskManager, number: float, name: str = "work"
) -> ScheduleInfo:
    """Let time go on to so many hours after the start, where a tick is."""
    clock = clock_of(container)
    clock.advance((START + number * HOUR - clock.now()).total_seconds())
    return await until_ticked(manager, START + number * HOUR, name)


async def test_each_tick_submits_one_task_with_its_tick() -> None:
    seen = Seen()
    container = scheduled(work(owner="ada", priority=3), script=seen.run)
    async with running(container) as manager:
        before = await info_of(manager)
        assert (before.next_tick, before.last_tick, before.last_task) == (hours(1)[0], None, None)
        for number in (1, 2, 3):
            info = await advance(container, manager, number)
            assert info.last_task is not None
            task = await manager.wait_for(info.last_task, 10)
            assert task.schedule is not None
            assert (task.schedule.name, task.schedule.tick) == ("work", hours(number)[0])
            assert (task.owner, task.name) == ("ada", "Work")
        assert seen.ticks == hours(1, 2, 3)
        assert seen.missed == [0, 0, 0]
        assert (await info_of(manager)).next_tick == hours(4)[0]
        assert len((await manager.get_tasks()).items) == 3


async def test_a_task_of_no_schedule_has_no_tick() -> None:
    seen = Seen()
    container = scheduled(work(), script=seen.run)
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
    assert info.schedule is None
    assert (seen.ticks, seen.missed) == ([None], [0])


async def test_what_is_shown_of_a_schedule() -> None:
    container = scheduled(
        work("nightly", Cron("0 3 * * *", timezone="Europe/Berlin")), work("poll", Every(minutes=5))
    )
    async with running(container) as manager:
        nightly, poll = await manager.get_schedules()
        assert (nightly.name, nightly.type, nightly.spec) == ("nightly", "Work", "0 3 * * *")
        assert nightly.timezone == "Europe/Berlin"
        assert nightly.in_words == "At 03:00 every day (Europe/Berlin)"
        assert nightly.next_tick == datetime(2026, 1, 1, 2, tzinfo=UTC)
        assert nightly.upcoming[:2] == (nightly.next_tick, nightly.next_tick + timedelta(days=1))
        assert (poll.spec, poll.timezone, poll.paused) == ("every 5 minutes", "UTC", False)
        assert (poll.skipped, poll.last_error, poll.registered) == (0, None, True)
        assert [item.name for item in await manager.get_schedules(after="nightly")] == ["poll"]
        assert [item.name for item in await manager.get_schedules(limit=1)] == ["nightly"]


async def test_skip_submits_none_while_the_last_task_runs() -> None:
    gate = Gate()
    container = scheduled(work(), script=gate)
    async with running(container) as manager:
        first = (await advance(container, manager, 1)).last_task
        for number in range(2, 12):
            info = await advance(container, manager, number)
        assert (info.last_task, info.skipped) == (first, 10)
        assert [tick.outcome for tick in info.ticks] == ["skipped"] * 10 + ["submitted"]
        gate.open.set()
        assert first is not None
        await manager.wait_for(first, 10)
        assert (await advance(container, manager, 12)).last_task != first
        assert gate.runs == 2


async def test_wait_lets_one_wait_behind_the_one_that_runs() -> None:
    gate = Gate()
    container = scheduled(work(overlap="wait"), script=gate)
    async with running(container) as manager:
        for number in range(1, 12):
            info = await advance(container, manager, number)
        tasks = (await manager.get_tasks()).items
        assert [task.status for task in tasks] == ["Pending", "Running"]
        assert info.skipped == 9
        gate.open.set()
        ended = await manager.wait_for(tasks[0].id, 10)
        assert ended.schedule is not None
        assert ended.schedule.tick == hours(2)[0]
        assert gate.runs == 2


async def test_the_one_that_waits_goes_on_waiting_when_it_is_cancelled_and_replaced() -> None:
    gate = Gate()
    container = scheduled(work(overlap="wait"), script=gate)
    async with running(container) as manager:
        await advance(container, manager, 1)
        held = (await advance(container, manager, 2)).last_task
        assert held is not None
        assert await manager.cancel_task(held)
        replaced = (await advance(container, manager, 3)).last_task
        assert replaced not in (None, held)
        assert gate.runs == 1
        gate.open.set()
        assert replaced is not None
        assert (await manager.wait_for(replaced, 10)).status == "Completed"


async def test_allow_submits_at_each_tick() -> None:
    gate = Gate()
    container = scheduled(work(overlap="allow"), script=gate)
    async with running(container) as manager:
        for number in range(1, 6):
            await advance(container, manager, number)
        await until(lambda: gate.runs == 5)
        gate.open.set()


@asynccontextmanager
async def again(path: Path, number: float, *schedules: Any, **options: Any) -> AsyncGenerator[Any]:
    """A process that starts so many hours after the first one, on the same file."""
    clock = FakeClock(START + number * HOUR)
    container = scheduled(*schedules, clock=clock, database=str(path / "tasks.db"), **options)
    async with container.manager() as manager:
        yield container, manager


async def test_of_what_was_missed_only_the_last_tick_counts(tmp_path: Path) -> None:
    seen = Seen()
    item = work(spec=Every(seconds=5))
    async with again(tmp_path, 0, item):
        pass
    two_weeks = 14 * 24 + 0.0005  # hours, and some seconds
    async with again(tmp_path, two_weeks, item, script=seen.run) as (_, manager):
        await until(lambda: seen.ticks)
        assert seen.ticks == [START + timedelta(days=14)]
        assert seen.missed == [14 * 24 * 720 - 1]
        info = await info_of(manager)
        assert info.next_tick == START + timedelta(days=14, seconds=5)
        assert [tick.missed for tick in info.ticks] == seen.missed


@pytest.mark.parametrize("catch_up", [None, 600, timedelta(minutes=59), "1 h"])
async def test_what_was_missed_is_made_up_for_only_within_catch_up(
    tmp_path: Path, catch_up: Any
) -> None:
    item = work(catch_up=catch_up)
    async with again(tmp_path, 0, item):
        pass
    async with again(tmp_path, 3.99, item) as (_, manager):
        info = await until_ticked(manager, hours(3)[0])
        outcome = "submitted" if catch_up == "1 h" else "missed"
        assert [(tick.outcome, tick.missed) for tick in info.ticks] == [(outcome, 2)]
        assert len((await manager.get_tasks()).items) == (outcome == "submitted")
        assert info.next_tick == hours(4)[0]


async def test_nothing_is_submitted_because_of_a_start(tmp_path: Path) -> None:
    async with again(tmp_path, 0.5, work()) as (_, manager):
        assert (await info_of(manager)).next_tick == hours(1)[0]
    for changed in (work(spec=Every(minutes=10)), work(spec=Every(minutes=15))):
        async with again(tmp_path, 2.5, changed) as (container, manager):
            period = timedelta(minutes=10 if changed is not None else 15)
            info = await info_of(manager)
            assert info.next_tick is not None
            assert START + 2.5 * HOUR < info.next_tick <= START + 2.5 * HOUR + 1.5 * period
            clock_of(container).advance(1)
            assert (await manager.get_tasks()).items == ()


async def test_a_pause_survives_restarts_and_its_ticks_are_not_missed(tmp_path: Path) -> None:
    async with again(tmp_path, 0, work()) as (_, manager):
        info = await manager.pause_schedule("work")
        assert (info.paused, info.next_tick, info.upcoming) == (True, None, ())
        assert await manager.pause_schedule("work") == info
    seen = Seen()
    async with again(tmp_path, 5.5, work(priority=7), script=seen.run) as (container, manager):
        assert (await info_of(manager)).paused
        clock_of(container).advance(3600)
        info = await manager.resume_schedule("work")
        assert (info.paused, info.next_tick) == (False, hours(7)[0])
        await advance(container, manager, 7)
        await until(lambda: seen.ticks)
    assert (seen.ticks, seen.missed) == (hours(7), [0])


async def test_paused_is_how_a_new_schedule_begins(tmp_path: Path) -> None:
    async with again(tmp_path, 0, work(paused=True)) as (_, manager):
        assert (await info_of(manager)).paused
        await manager.resume_schedule("work")
    async with again(tmp_path, 0.1, work(paused=True)) as (_, manager):
        assert not (await info_of(manager)).paused


async def test_a_schedule_is_run_by_hand_also_while_it_is_paused() -> None:
    seen = Seen()
    container = scheduled(work(paused=True), script=seen.run)
    async with running(container) as manager:
        task_id = await manager.run_schedule("work")
        info = await manager.wait_for(task_id, 10)
        assert info.schedule is not None
        assert (info.schedule.name, info.schedule.tick) == ("work", None)
        assert seen.ticks == [None]
        shown = await info_of(manager)
        assert (shown.last_task, shown.last_tick) == (task_id, None)
        await manager.run_schedule("work")


async def test_no_such_schedule() -> None:
    container = scheduled(work())
    async with running(container) as manager:
        for call in (manager.run_schedule, manager.pause_schedule, manager.resume_schedule):
            with pytest.raises(ScheduleNotFoundError, match="no schedule named 'nightly'"):
                await call("nightly")


async def test_a_task_that_cannot_be_made_costs_its_tick_and_no_other() -> None:
    broken = [True]
    calls = 0

    def make() -> Work:
        nonlocal calls
        calls += 1
        if broken[0]:
            raise RuntimeError("the share is not mounted")
        return Work()

    container = scheduled(
        schedule("work", HOURLY, providers.Callable(make)), work("other"), script=done
    )
    async with running(container) as manager:
        info = await advance(container, manager, 1)
        assert calls == 3
        assert info.last_error is not None
        assert "the share is not mounted" in info.last_error
        assert [tick.outcome for tick in info.ticks] == ["failed"]
        assert (await until_ticked(manager, hours(1)[0], "other")).last_task is not None
        broken[0] = False
        assert (await advance(container, manager, 2)).last_task is not None


async def test_a_task_may_be_made_by_a_coroutine() -> None:
    async def make() -> Work:
        await asyncio.sleep(0)
        return Work(text="made")

    container = scheduled(schedule("work", HOURLY, providers.Coroutine(make)))
    async with running(container) as manager:
        assert (await advance(container, manager, 1)).last_task is not None


async def test_the_same_task_twice_fails_the_second_tick() -> None:
    def make() -> Work:
        return task

    task = Work()
    container = scheduled(schedule("work", HOURLY, providers.Callable(make)))
    async with running(container) as manager:
        assert (await advance(container, manager, 1)).last_task == task.id
        await manager.wait_for(task.id, 10)
        info = await advance(container, manager, 2)
        assert info.last_error is not None
        assert "accepted before" in info.last_error
        assert (await advance(container, manager, 3)).last_tick == hours(3)[0]


async def test_a_clock_that_is_set_back_submits_nothing_twice() -> None:
    seen = Seen()
    container = scheduled(work(), script=seen.run)
    async with running(container) as manager:
        for number in (1, 2, 3):
            await advance(container, manager, number)
        clock = clock_of(container)
        clock.set(START)
        for _ in range(12):
            clock.advance(300)
            await manager.get_schedules()
        assert (await info_of(manager)).last_tick == hours(3)[0]
        clock.advance(3 * 3600)
        await until_ticked(manager, hours(4)[0])
        await until(lambda: len(seen.ticks) == 4)
    assert seen.ticks == hours(1, 2, 3, 4)


async def test_a_clock_that_is_set_forward_by_two_years_submits_once() -> None:
    seen = Seen()
    item = work(spec=Cron("*/10 * * * *", timezone="Europe/Berlin"))
    container = scheduled(item, script=seen.run)
    async with running(container) as manager:
        clock = clock_of(container)
        clock.set(datetime(2028, 1, 1, 0, 5, tzinfo=UTC))
        clock.advance(60)
        await until(lambda: seen.ticks)
        assert seen.ticks == [datetime(2028, 1, 1, tzinfo=UTC)]
        assert seen.missed == [2 * 365 * 144 - 1]
        assert (await info_of(manager)).next_tick == datetime(2028, 1, 1, 0, 10, tzinfo=UTC)


async def test_a_process_that_is_a_little_late_submits_for_each_tick() -> None:
    seen = Seen()
    container = scheduled(work(spec=Every(seconds=5), overlap="allow"), script=seen.run)
    async with running(container) as manager:
        clock_of(container).advance(30)
        await until_ticked(manager, START + timedelta(seconds=30))
        await until(lambda: len(seen.ticks) == 6)
    assert seen.missed == [0] * 6


async def test_jitter_submits_later_and_keeps_the_tick() -> None:
    seen = Seen()
    container = scheduled(work(spec=Every(hours=1, jitter=1800)), script=seen.run)
    async with running(container) as manager:
        clock = clock_of(container)
        clock.advance(3600)
        await manager.get_schedules()
        clock.advance(1800)
        await until_ticked(manager, hours(1)[0])
        await until(lambda: seen.ticks)
    assert seen.ticks == hours(1)


@pytest.mark.parametrize(
    ("config", "fires"),
    [
        ({}, True),
        ({"run_schedules": False}, False),
        ({"run_tasks": False}, False),
        ({"run_tasks": False, "run_schedules": "yes"}, True),
        ({"types": ["OtherWork"]}, False),
    ],
)
async def test_who_submits(config: dict[str, Any], fires: bool) -> None:
    container = BackgroundTasksContainer(
        tasks=providers.List(
            background_task(Work, worker_of(done)), background_task(OtherWork, worker_of(done))
        ),
        schedules=providers.List(work(), schedule("other", HOURLY, providers.Factory(OtherWork))),
    )
    container.config.from_dict({"database": ":memory:", **config})
    container.clock.override(FakeClock())
    async with running(container) as manager:
        assert [item.name for item in await manager.get_schedules()] == ["other", "work"]
        clock_of(container).advance(3600)
        if fires:
            await until_ticked(manager, hours(1)[0])
        elif "types" in config:
            await until_ticked(manager, hours(1)[0], "other")
        tasks = (await manager.get_tasks(type="Work")).items
        assert len(tasks) == fires


async def test_a_schedule_that_is_gone_is_shown_as_such_and_dropped(tmp_path: Path) -> None:
    async with again(tmp_path, 0, work(), work("old")):
        pass
    async with again(tmp_path, 1, work()) as (_, manager):
        assert not (await info_of(manager, "old")).registered
        assert (await info_of(manager)).registered
        with pytest.raises(ScheduleNotFoundError, match="not registered in this process"):
            await manager.run_schedule("old")
    async with again(tmp_path, 8 * 24, work()) as (_, manager):
        async with asyncio.timeout(10):
            while len(await manager.get_schedules()) > 1:  # noqa: ASYNC110 - its loop does it
                await asyncio.sleep(0.002)
        assert (await info_of(manager)).registered


async def test_a_container_that_is_a_base_class_has_its_schedules_in_each_subclass() -> None:
    class Base(containers.DeclarativeContainer):
        config = providers.Configuration()
        text = providers.Object("base")
        background_tasks = providers.Container(
            BackgroundTasksContainer,
            config=config.background_tasks,
            tasks=providers.List(background_task(Work, worker_of(done))),
            schedules=providers.List(
                schedule("work", HOURLY, providers.Factory(Work, text=text)),
            ),
        )

    class One(Base):
        pass

    class Two(Base):
        pass

    for kind in (One, Two):
        host = kind()
        host.config.from_dict({"background_tasks": {"database": ":memory:"}})
        host.background_tasks.clock.override(FakeClock())
        async with running(host.background_tasks) as manager:
            assert (await advance(host.background_tasks, manager, 1)).last_task is not None


def of_no_type() -> Any:
    return Work()


@pytest.mark.parametrize(
    ("schedules", "error", "said"),
    [
        ([work(), work()], RegistrationError, "two schedules are named 'work'"),
        (
            [schedule("other", HOURLY, providers.Factory(OtherWork))],
            UnregisteredTaskError,
            "OtherWork is not registered",
        ),
        ([work("")], SettingsError, "name of a schedule is ''"),
        ([work("a/b")], SettingsError, "name of a schedule is 'a/b'"),
        ([work("n" * 101)], SettingsError, "1 to 100"),
        ([work(spec="0 3 * * *")], SettingsError, "specification is '0 3"),
        ([work(overlap="queue")], SettingsError, "overlap is 'queue'"),
        ([work(catch_up=-1)], SettingsError, "catch_up is -1"),
        ([work(catch_up="soon")], SettingsError, "catch_up is 'soon'"),
        ([work(owner="")], SettingsError, "owner is ''"),
        ([work(priority=1.5)], SettingsError, "priority is 1.5"),
        ([work(paused="no")], SettingsError, "paused is 'no'"),
        ([schedule("x", HOURLY, providers.Object(5))], RegistrationError, "not known which task"),
        (
            [schedule("x", HOURLY, providers.Callable(of_no_type))],
            RegistrationError,
            "not known which task",
        ),
        ([providers.Object(5)], RegistrationError, "expected what schedule"),
    ],
)
def test_what_cannot_be_registered(schedules: list[Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        scheduled(*schedules).manager()


def test_arguments_that_are_no_providers_and_unknown_options_are_refused_at_once() -> None:
    with pytest.raises(RegistrationError, match="expected a provider of a task"):
        schedule("work", HOURLY, Work())  # type: ignore[arg-type]
    with pytest.raises(RegistrationError, match="unknown option overlaps; accepted: catch_up"):
        work(overlaps="skip")


async def test_options_may_be_providers() -> None:
    config = providers.Configuration()
    config.from_dict({"cron": "0 5 * * *", "zone": "Europe/Berlin", "overlap": "allow"})
    spec = providers.Factory(Cron, config.cron, timezone=config.zone)
    container = scheduled(work(spec=spec, overlap=config.overlap))
    async with running(container) as manager:
        assert (await info_of(manager)).next_tick == hours(4)[0]


@pytest.mark.parametrize("count", [1, 1_000])
async def test_however_many_schedules_there_are_they_have_one_timer(count: int) -> None:
    schedules = (work(f"work-{number}", Every(hours=1, offset=number)) for number in range(count))
    container = scheduled(*schedules)
    async with running(container) as manager:
        clock = clock_of(container)
        pruning_summing_up_and_schedules = 3
        await until(lambda: clock.pending == pruning_summing_up_and_schedules)
        clock.advance(3600)
        await until_ticked(manager, hours(1)[0], "work-0")
        await until(lambda: clock.pending == pruning_summing_up_and_schedules)


async def test_ticks_are_told_without_running_anything() -> None:
    container = scheduled(work("nightly", Cron("30 2 * * *", timezone="Europe/Berlin")))
    after = datetime(2026, 3, 28, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    before = datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
    assert schedule_ticks(container, "nightly", after=after, before=before) == [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        before,
    ]
    with pytest.raises(ScheduleNotFoundError, match="named 'daily'; there is: nightly"):
        schedule_ticks(container, "daily", after=after, before=before)
    with pytest.raises(ValueError, match="has no time zone"):
        schedule_ticks(container, "nightly", after=after, before=before.replace(tzinfo=None))

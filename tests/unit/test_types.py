"""Types as the manager tells of them: paused, resumed, counted, with their limits."""

from typing import Any

import pytest
from attrs import frozen

from bgtasks import (
    BackgroundTaskBase,
    ManagerStateError,
    PerKey,
    Rate,
    SettingsError,
    TypeInfo,
    UnregisteredTaskError,
    background_task,
)
from tests.hosts.scripted import (
    Context,
    Failing,
    Gate,
    OtherWork,
    Work,
    container_for,
    container_of,
    done,
    run_to_end,
    running,
    until,
    worker_of,
)


@frozen(kw_only=True)
class Export(BackgroundTaskBase):
    account: int


async def test_all_registered_types_are_told_with_their_limits() -> None:
    container = container_of(
        background_task(Work, worker_of(done), max_concurrency=3, rate=Rate(14, per=1)),
        background_task(OtherWork, worker_of(done)),
    )
    async with running(container) as manager:
        assert await manager.get_types() == [
            TypeInfo("OtherWork", None, None, 0, 0, None, None),
            TypeInfo("Work", None, None, 0, 0, 3, Rate(14, per=1)),
        ]


async def test_types_say_how_long_their_tasks_take_and_how_often_they_fail() -> None:
    container = container_of(
        background_task(Work, worker_of(done), max_concurrency=3, timeout=60),
        background_task(OtherWork, worker_of(Failing(1).run)),
    )
    async with running(container) as manager:
        for _ in range(3):
            await run_to_end(manager, Work())
        await run_to_end(manager, OtherWork())
        other, work = await manager.get_types()
    assert (work.registered, work.processes, work.failure_rate) == (True, 1, 0.0)
    assert work.per_minute == 3 / 60
    assert (other.failure_rate, other.oldest_waiting_since) == (1.0, None)
    assert work.run_ms is not None
    assert work.options is not None
    assert (work.options.max_concurrency, work.options.timeout, work.options.retry) == (3, 60, 1)


async def test_a_type_that_nobody_runs_says_since_when_it_waits() -> None:
    container = container_of(
        background_task(Work, worker_of(done)), background_task(OtherWork, worker_of(done))
    )
    container.config.from_dict({"types": ["Work"]})
    async with running(container) as manager:
        await manager.run_task(OtherWork())
        other, _ = await manager.get_types()
        assert (other.processes, other.oldest_waiting_since) == (0, container.clock().now())
        (attention,) = (await manager.get_stats()).attention
        assert (attention.kind, attention.type) == ("unrun", "OtherWork")


async def test_a_pause_is_told_with_its_reason_and_what_waits_and_runs() -> None:
    gate = Gate()
    container = container_for(gate)
    async with running(container) as manager:
        started = await manager.run_task(Work())
        await gate.begun.wait()
        paused = await manager.pause("Work", reason="provider is down")
        assert (paused.name, paused.pause_reason) == ("Work", "provider is down")
        assert paused.paused_at == container.clock().now()
        waiting = await manager.run_task(Work())
        (info,) = await manager.get_types()
        assert (info.waiting, info.running) == (1, 1)
        gate.open.set()
        await manager.wait_for(started)
        resumed = await manager.resume("Work")
        assert (resumed.paused_at, resumed.pause_reason) == (None, None)
        await manager.wait_for(waiting)


async def test_whoever_subscribes_is_told_of_each_pause_and_resumption() -> None:
    told: list[TypeInfo] = []
    container = container_for(done, rate=Rate(2, per=60))
    async with running(container) as manager:
        unsubscribe = manager.type_updated.subscribe(told.append)
        await manager.pause("Work", "tea")
        await manager.resume("Work")
        unsubscribe()
        await manager.pause("Work")
    assert [(info.pause_reason, info.rate) for info in told] == [
        ("tea", Rate(2, per=60)),
        (None, Rate(2, per=60)),
    ]


async def test_a_type_that_nobody_knows_is_refused_with_those_that_there_are() -> None:
    async with running(container_for(done)) as manager:
        for name in ("Wrok", "", None, Work):
            with pytest.raises(UnregisteredTaskError, match="registered here: Work"):
                await manager.pause(name)  # type: ignore[arg-type]
            with pytest.raises(UnregisteredTaskError, match="no task type"):
                await manager.resume(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", [7, "x" * 1001, ["down"]])
async def test_a_reason_that_is_none_is_refused(reason: Any) -> None:
    async with running(container_for(done)) as manager:
        with pytest.raises(SettingsError, match=r"reason is .*at most 1,000 characters"):
            await manager.pause("Work", reason)


async def test_nothing_is_paused_before_the_start() -> None:
    with pytest.raises(ManagerStateError):
        await container_for(done).manager().pause("Work")


async def test_tasks_take_turns_by_a_field_and_others_are_not_held_up() -> None:
    gate = Gate()
    limits = PerKey(1, by=("account",))
    container = container_of(background_task(Export, worker_of(gate), per_key=limits))
    async with running(container) as manager:
        first, second, other = await manager.run_tasks(
            [Export(account=1), Export(account=1), Export(account=2)], owner="ada"
        )
        await until(lambda: gate.runs == 2)
        infos = {info.id: info for info in await manager.get_tasks()}
        assert [infos[task].waiting_for for task in (first, second, other)] == [None, "turn", None]
        assert (infos[other].status, infos[second].status) == ("Running", "Pending")
        gate.open.set()
        await manager.wait_for(second)


async def test_a_delayed_task_says_that_it_waits_for_its_time() -> None:
    container = container_for(done)
    async with running(container) as manager:
        task = await manager.run_task(Work(), delay=60)
        info = await manager.try_get_task(task)
        assert info is not None
        assert info.waiting_for == "time"
        container.clock().advance(61)
        assert (await manager.wait_for(task)).waiting_for is None


async def test_a_worker_sees_that_it_waits_for_nothing() -> None:
    seen = []

    async def look(context: Context) -> None:
        seen.append(context.info.waiting_for)

    async with running(container_for(look, per_key=PerKey(1))) as manager:
        await manager.wait_for(await manager.run_task(Work(), owner="ada"))
    assert seen == [None]

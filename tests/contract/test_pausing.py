"""A type that is paused: nothing of it begins anywhere, and all else goes on."""

from bgtasks.core.events import Failed, Interrupted
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker, until

PENDING = BackgroundTaskStatus.PENDING
RUNNING = BackgroundTaskStatus.RUNNING
COMPLETED = BackgroundTaskStatus.COMPLETED


async def test_nothing_of_a_paused_type_begins_until_it_is_resumed(bench: BackendBench) -> None:
    await bench.backend.pause("Quick", "the provider is down")
    waiting = await bench.submit("Quick")
    await bench.run("Other")
    await bench.written()
    assert (await bench.get(waiting)).status is PENDING
    await bench.backend.resume("Quick")
    await bench.started(waiting)


async def test_what_runs_goes_on_and_may_end_retry_and_be_interrupted(bench: BackendBench) -> None:
    ends, fails, stops = [await bench.run("Quick") for _ in range(3)]
    await bench.backend.pause("Quick", None)
    bench.save(ends, 40, "still at it")
    await bench.reaches(ends.id, lambda found: found.progress == 40)
    bench.runner.end(ends)
    bench.runner.end(fails, Failed("no", retry_after=bench.clock.now() - bench.clock.now()))
    bench.runner.end(stops, Interrupted("a stop"))
    await bench.reaches(ends.id, COMPLETED)
    await bench.reaches(fails.id, PENDING)
    await bench.reaches(stops.id, PENDING)
    await bench.advance(1)
    await bench.written()
    assert bench.runner.running == []
    await bench.backend.resume("Quick")
    await bench.started(fails.id, attempt=2)
    await bench.started(stops.id, attempt=2)


async def test_a_pause_writes_to_no_task(bench: BackendBench) -> None:
    await bench.backend.pause("Quick", None)
    waiting = await bench.submit("Quick")
    before = await bench.get(waiting)
    await bench.backend.resume("Other")
    await bench.backend.pause("Quick", "again")
    assert await bench.get(waiting) == before


async def test_a_waiting_task_of_a_paused_type_can_be_cancelled(bench: BackendBench) -> None:
    await bench.backend.pause("Quick", None)
    waiting = await bench.submit("Quick")
    assert await bench.backend.request_cancel(waiting)
    await bench.backend.resume("Quick")
    await bench.run("Quick")
    assert waiting not in {item.id for item in bench.runner.started}


async def test_it_is_told_since_when_and_why_and_what_waits_and_runs(bench: BackendBench) -> None:
    running = await bench.run("Quick")
    paused_at = bench.clock.now()
    await bench.backend.pause("Quick", "the provider is down")
    bench.clock.advance(60)
    await bench.submit("Quick")
    await bench.submit("Quick", delay=60)
    (told,) = await bench.backend.types(["Quick"])
    assert told[2:] == ("the provider is down", 2, 1)
    assert told.paused_at is not None
    await bench.backend.pause("Quick", "and still is")
    (again,) = await bench.backend.types(["Quick"])
    assert again == told._replace(pause_reason="and still is")
    if not bench.backend.shared:  # there the server dates it
        assert told.paused_at == paused_at
    await bench.backend.resume("Quick")
    bench.runner.end(running)
    assert (await bench.backend.types(["Quick"]))[0][1:3] == (None, None)


async def test_all_types_are_those_that_have_tasks_or_are_paused(bench: BackendBench) -> None:
    await bench.run("Quick")
    await bench.backend.pause("Nobody's", None)
    assert [item.name for item in await bench.backend.types()] == ["Nobody's", "Quick"]
    assert [item.name for item in await bench.backend.types(["Other"])] == ["Other"]


async def test_each_pause_and_resumption_is_announced_once_it_holds(bench: BackendBench) -> None:
    await bench.backend.pause("Quick", "one")
    await bench.backend.resume("Quick")
    await bench.backend.resume("Quick")
    await until(lambda: len(bench.type_changes) >= 2, "two announcements")
    told = [(item.name, item.pause_reason) for item in bench.type_changes]
    assert told == [("Quick", "one"), ("Quick", None)]


async def test_a_pause_outlives_a_stop_and_a_crash(durable: BackendBench) -> None:
    await durable.backend.pause("Quick", "maintenance")
    waiting = await durable.submit("Quick")
    for crash in (False, True):
        await durable.reopen(crash=crash)
        await durable.run("Other")
        await durable.written()
        assert (await durable.get(waiting)).status is PENDING
    (told,) = await durable.backend.types(["Quick"])
    assert told.pause_reason == "maintenance"
    await durable.backend.resume("Quick")
    await durable.started(waiting)


async def test_what_a_crash_cut_off_is_taken_back_though_its_type_is_paused(
    durable: BackendBench,
) -> None:
    cut_off = await durable.run("Quick")
    await durable.backend.pause("Quick", None)
    await durable.reopen(crash=True)
    await durable.reaches(cut_off.id, PENDING) if durable.announced(cut_off.id) else None
    assert (await durable.get(cut_off.id)).status is PENDING
    await durable.backend.resume("Quick")
    await durable.started(cut_off.id, attempt=2)


async def test_a_process_that_claims_nothing_can_pause(make_bench: BenchMaker) -> None:
    bench = make_bench()
    await bench.open(serving=False)
    await bench.backend.pause("Quick", None)
    await bench.submit("Quick")
    await bench.serve()
    assert bench.runner.started == []
    await bench.backend.resume("Quick")
    await bench.count_started(1)

"""How things are now, in a few numbers."""

from datetime import timedelta
from typing import Any

from bgtasks.core.events import Failed
from bgtasks.core.overview import Overview, Vitals
from bgtasks.core.record import NOT_YET
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench, BenchMaker

Status = BackgroundTaskStatus


def numbers(found: Overview) -> tuple[int, int, int]:
    return found.scheduled, found.retrying, found.cancelling


async def test_where_nothing_is_there_is_nothing_to_tell(idle_bench: BackendBench) -> None:
    found = await idle_bench.backend.overview()
    assert found == Overview({}, 0, 0, None, 0, {}, None, {})


async def test_what_waits_for_a_time_is_told_apart(bench: BackendBench) -> None:
    start = bench.clock.now()
    await bench.submit("Other", delay=300)
    retried = await bench.submit("Other")
    again = Failed("again", retry_after=timedelta(seconds=60))
    bench.runner.end(await bench.started(retried), again)
    await bench.written()
    found = await bench.backend.overview()
    assert (numbers(found), found.next_due_at) == ((1, 1, 0), start + timedelta(seconds=60))
    assert found.counts == {("Other", Status.PENDING): 2}
    assert found.oldest == {}  # neither could start
    await bench.advance(100)
    found = await bench.backend.overview()
    assert (numbers(found), found.next_due_at) == ((1, 0, 0), start + timedelta(seconds=300))


async def test_a_task_behind_another_has_no_time(idle_bench: BackendBench) -> None:
    await idle_bench.backend.submit([idle_bench.record(due_at=NOT_YET)])
    found = await idle_bench.backend.overview()
    assert (found.scheduled, found.next_due_at) == (1, None)


async def test_the_task_that_could_have_started_longest_ago_is_named(
    idle_bench: BackendBench,
) -> None:
    bench = idle_bench
    start = bench.clock.now()
    await bench.submit("Other", delay=3600)
    await bench.advance(10)
    oldest = await bench.submit("Other")
    await bench.advance(10)
    await bench.submit("Other")
    quick = await bench.submit("Quick")
    found = (await bench.backend.overview()).oldest
    assert {name: (task.id, task.at) for name, task in found.items()} == {
        "Other": (oldest, start + timedelta(seconds=10)),
        "Quick": (quick, start + timedelta(seconds=20)),
    }


async def test_a_task_waits_since_its_time_has_come(make_bench: BenchMaker) -> None:
    bench = make_bench()
    await bench.open(serving=False)
    start = bench.clock.now()
    task_id = await bench.submit("Other", delay=60)
    await bench.advance(90)
    found = (await bench.backend.overview()).oldest
    assert {name: (task.id, task.at) for name, task in found.items()} == {
        "Other": (task_id, start + timedelta(seconds=60))
    }


async def test_what_runs_in_silence_and_what_was_asked_to_end_is_told(
    bench: BackendBench,
) -> None:
    silent = await bench.run("Other")
    await bench.advance(5)
    other = await bench.run("Quick")
    await bench.advance(5)
    await bench.backend.request_cancel(other.id)
    found = await bench.backend.overview()
    assert found.cancelling == 1
    assert found.silent is not None
    assert (found.silent.id, found.silent.type) == (silent.id, "Other")
    assert found.silent.at == (await bench.get(silent.id)).changed_at


async def test_what_is_paused_says_since_when_and_why(bench: BackendBench) -> None:
    await bench.backend.pause("Other", "provider is down")
    found = (await bench.backend.overview()).paused
    assert {name: pause.reason for name, pause in found.items()} == {"Other": "provider is down"}
    await bench.backend.resume("Other")
    assert (await bench.backend.overview()).paused == {}


async def test_a_process_says_how_it_is_and_what_runs_in_it(make_bench: BenchMaker) -> None:
    bench = make_bench()
    bench.backend.vitals = lambda: Vitals(12.5, 1024)
    await bench.open()
    task = await bench.run("Other")

    async def own() -> Any:
        await beat(bench)
        (found,) = await bench.backend.processes()
        return found

    found = await own()
    assert (found.loop_lag_ms, found.rss_bytes, found.tasks) == (12.5, 1024, (task.id,))
    bench.runner.end_all()
    await bench.written()
    assert (await own()).tasks == ()


async def beat(bench: BackendBench) -> None:
    """PostgreSQL: processes see of each other what the last heartbeat said."""
    if (heartbeat := getattr(bench.backend.store, "heartbeat", None)) is not None:  # type: ignore[attr-defined]
        await heartbeat.beat()

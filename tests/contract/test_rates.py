"""How often tasks of a type start: ``Rated`` ten an hour, and at most four at once."""

import pytest

from bgtasks.core.events import Failed, Interrupted
from bgtasks.core.limits import PerKey, Rate
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench
from bgtasks.testing.conformance_types import make_registry

PENDING = BackgroundTaskStatus.PENDING


async def starts(bench: BackendBench) -> int:
    """How many attempts were started once nothing more can be."""
    await bench.written()
    return len(bench.runner.started)


async def test_the_burst_starts_at_once_and_then_one_for_each_token(bench: BackendBench) -> None:
    await bench.backend.submit([bench.record("Rated") for _ in range(10)])
    await bench.count_started(4)
    assert await starts(bench) == 4
    for expected in range(5, 11):
        await bench.advance(361)
        await bench.count_started(expected)
        assert await starts(bench) == expected


async def test_submitted_one_by_one_they_are_held_up_as_well(bench: BackendBench) -> None:
    for _ in range(7):
        await bench.submit("Rated")
    await bench.count_started(4)
    assert await starts(bench) == 4
    await bench.advance(1081)
    await bench.count_started(7)


async def test_others_are_not_held_up(bench: BackendBench) -> None:
    await bench.backend.submit([bench.record("Rated", priority=9) for _ in range(10)])
    await bench.run("Quick")


async def test_a_retry_takes_a_token_like_any_start(bench: BackendBench) -> None:
    first = await bench.run("Rated")
    for _ in range(3):
        await bench.run("Rated")
    none = bench.clock.now() - bench.clock.now()
    bench.runner.end(first, Failed("no", retry_after=none))
    await bench.reaches(first.id, PENDING)
    assert await starts(bench) == 4
    await bench.advance(361)
    await bench.started(first.id, attempt=2)
    assert await starts(bench) == 5


async def test_after_a_quiet_time_no_more_than_the_burst_starts(bench: BackendBench) -> None:
    for _ in range(2):
        await bench.backend.submit([bench.record("Rated") for _ in range(4)])
        await bench.count_started(4)
        bench.runner.end_all()
        await bench.advance(7200)
        bench.runner.started.clear()
    await bench.backend.submit([bench.record("Rated") for _ in range(9)])
    await bench.count_started(4)
    assert await starts(bench) == 4


@pytest.mark.parametrize("crash", [False, True])
async def test_a_restart_brings_no_second_burst(durable: BackendBench, crash: bool) -> None:
    await durable.backend.submit([durable.record("Rated") for _ in range(10)])
    await durable.count_started(4)
    await durable.reopen(crash=crash)
    assert await starts(durable) == 0


async def test_the_process_is_full_before_the_rate_is(bench: BackendBench) -> None:
    """What a slot stands in the way of takes no token."""
    await bench.close()
    bench.max_concurrency = 2
    await bench.reopen(registry=make_registry("Rated", "Quick"))
    await bench.backend.submit([bench.record("Rated") for _ in range(4)])
    await bench.count_started(2)
    assert await starts(bench) == 2
    bench.runner.end_all(Interrupted("a stop"))
    await bench.count_started(4)
    assert await starts(bench) == 4


async def test_a_rate_holds_together_with_other_limits(bench: BackendBench) -> None:
    options = {"rate": Rate(1, per=3600, burst=3), "max_concurrency": 2, "per_key": PerKey(1)}
    await bench.reopen(registry=make_registry(Rated=options))
    keys = ['"a"', '"b"', '"c"', '"d"']
    await bench.backend.submit([bench.record("Rated", turn_key=key) for key in keys])
    await bench.count_started(2)
    assert await starts(bench) == 2
    bench.runner.end_all()
    await bench.count_started(3)
    assert await starts(bench) == 3
    await bench.advance(3601)
    await bench.count_started(4)

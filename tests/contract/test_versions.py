"""Tasks that a newer release has submitted, beside an older one."""

from typing import Any

from bgtasks.testing.conformance import BackendBench
from bgtasks.testing.conformance_types import make_registry


async def test_a_version_that_is_not_known_is_not_started_and_says_so(bench: BackendBench) -> None:
    newer = await bench.submit(version=2, priority=1)
    known = await bench.submit("Other")
    await bench.started(known)
    waiting = await bench.reaches(newer, lambda record: record.revision == 2)
    assert waiting.status_message == "Waiting: needs version 2 of Quick, this process has 1"
    assert (waiting.attempt, waiting.version) == (0, 2)
    assert [record.id for record in bench.runner.started] == [known]


async def test_a_newer_release_runs_it(durable: BackendBench) -> None:
    newer = await durable.submit(version=2)
    await durable.reaches(newer, lambda record: record.revision == 2)
    await durable.reopen(registry=make_registry(Quick={"version": 2}))
    record = await durable.started(newer)
    assert record.version == 2


async def test_a_task_of_a_former_name_is_started(bench: BackendBench) -> None:
    await bench.reopen(registry=make_registry(Quick={"renamed_from": ["Before"]}))
    renamed = await bench.submit("Before")
    record = await bench.started(renamed)
    assert record.type == "Before"


async def test_the_slot_of_a_task_that_is_not_started_goes_to_the_next(make_bench: Any) -> None:
    bench = make_bench(max_concurrency=1)
    await bench.open()
    busy = await bench.run()
    newer = await bench.submit(version=2, priority=1)
    known = await bench.submit("Other")
    bench.runner.end(busy)
    await bench.started(known)
    assert (await bench.get(newer)).attempt == 0

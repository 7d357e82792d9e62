"""What the tasks of one failure have in common: how many of those with the same value failed."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve

from bgtasks.core.error_groups import group_of
from bgtasks.core.events import Completed, Failed, Outcome
from bgtasks.core.facets import FacetQuery
from bgtasks.core.record import MAX_SEARCHED, NOT_YET
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

FULL = Failed("no space", "Traceback …", error_type="OSError", frame="app/exports.py in copy")
GROUP = group_of("OSError", "no space", "app/exports.py in copy")
OTHER = Failed("no such name", error_type="KeyError")

Facets = list[tuple[Any, int, int | None]]


async def facets(bench: BackendBench, by: str, *types: str, hours: int = 24) -> Facets:
    since = bench.clock.now() - timedelta(hours=hours)
    wanted = FacetQuery(group=GROUP, by=by, start=since, end=NOT_YET, types=types)
    found = await bench.backend.failure_facets(wanted)
    return [(item.value, item.failed, item.total) for item in found]


async def done(
    bench: BackendBench,
    outcomes: Sequence[Outcome],
    arguments: str = '"share":"/mnt/a"',
    **fields: Any,
) -> None:
    """Tasks with these arguments in JSON, each with one end."""
    records = [bench.record(**fields) for _ in outcomes]
    records = [record._replace(data=f'{{"id":"{record.id}",{arguments}}}') for record in records]
    await bench.backend.submit(records)
    for record, outcome in zip(records, outcomes, strict=True):
        bench.runner.end(await bench.started(record.id), outcome)
    for record in records:
        await bench.reaches(record.id, lambda item: item.status.is_final)


async def test_of_those_that_have_a_value_it_is_told_how_many_failed(bench: BackendBench) -> None:
    await done(bench, [FULL] * 6 + [Completed(), OTHER])
    await done(bench, [FULL, Completed(), Completed()], '"share":"/mnt/b"')
    await done(bench, [Completed()], '"share":"/mnt/c"')
    await done(bench, [Completed()], type_name="Other")
    assert await facets(bench, "args.share") == [("/mnt/a", 6, 8), ("/mnt/b", 1, 3)]
    assert await facets(bench, "args.share", "Other") == []


async def test_values_are_what_the_arguments_are(bench: BackendBench) -> None:
    values = ["3", "3", True, False, 3, 3.5, None, "Ä ☂ \U0001f600", 'say "hi"\n', "\\n", [1], {}]
    for value in values:
        await done(bench, [FULL], f'"at":{{"x":{json.dumps(value)}}}')
    await done(bench, [FULL], '"other":1')
    found = await facets(bench, "args.at.x")
    expected = ["3", True, False, 3, 3.5, "Ä ☂ \U0001f600", 'say "hi"\n', "\\n"]
    assert found[0] == (None, 4, 4)
    assert found[1] == ("3", 2, 2)
    assert {(type(value), value) for value, *_ in found[2:]} == {
        (type(value), value) for value in expected[1:]
    }
    assert all(numbers == [1, 1] for _, *numbers in found[2:])


async def test_a_path_goes_into_lists_and_through_any_letters(bench: BackendBench) -> None:
    await done(bench, [FULL], r'"files":["a",{"\u00e4":"b"}],"1":"one"')
    assert await facets(bench, "args.files.0") == [("a", 1, 1)]
    assert await facets(bench, "args.files.1.ä") == [("b", 1, 1)]
    assert await facets(bench, "args.1") == [("one", 1, 1)]
    assert await facets(bench, "args.files") == [(None, 1, 1)]


async def test_what_is_no_unicode_and_what_is_long_breaks_nothing(bench: BackendBench) -> None:
    await done(bench, [FULL], r'"share":"\ud83d \u0000"')
    await done(bench, [FULL], f'"share":"{"x" * 2_000}"')
    await done(bench, [FULL], f'"share":"/mnt/a","more":"{"x" * MAX_SEARCHED}"')
    assert await facets(bench, "args.share") == [(None, 2, 2), ("? �", 1, 1)]


async def test_owners_are_told_apart_and_those_of_nobody(bench: BackendBench) -> None:
    await done(bench, [FULL, FULL, Completed()], owner="ada")
    await done(bench, [FULL])
    await done(bench, [Completed()], owner="bob")
    assert await facets(bench, "owner") == [("ada", 2, 3), (None, 1, 1)]


async def test_the_process_is_that_in_which_the_task_failed(durable: BackendBench) -> None:
    await done(durable, [FULL, FULL, Completed()])
    record = await durable.run()
    durable.runner.end(record, FULL)
    await durable.reaches(record.id, BackgroundTaskStatus.FAILED)
    await durable.reopen()
    (process,) = [item for item in await durable.backend.processes() if item.alive]
    await durable.backend.retry(record.id)
    durable.runner.end(await durable.started(record.id, 2), Completed())
    await durable.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert await facets(durable, "process") == [(f"{process.host}:{process.pid}", 3, 4)]


async def test_whatever_became_of_them_since_they_are_of_the_failure(bench: BackendBench) -> None:
    await done(bench, [FULL])
    record = await bench.run()
    bench.runner.end(record, evolve(FULL, retry_after=timedelta(hours=1)))
    await bench.reaches(record.id, lambda item: item.failures == 1)
    assert await facets(bench, "owner") == [(None, 2, 2)]
    await bench.advance(7200)


async def test_only_what_ended_or_failed_within_the_time_is_counted(bench: BackendBench) -> None:
    await done(bench, [FULL, Completed()])
    await bench.advance(3 * 3600)
    await done(bench, [FULL, Completed(), Completed()])
    assert await facets(bench, "args.share", hours=1) == [("/mnt/a", 1, 3)]
    assert await facets(bench, "args.share") == [("/mnt/a", 2, 5)]


async def test_a_failure_that_nobody_had_has_no_values(bench: BackendBench) -> None:
    await done(bench, [OTHER, Completed()])
    for by in ("owner", "args.share", "process"):
        assert await facets(bench, by) == []


async def test_of_many_values_those_are_told_that_most_have(bench: BackendBench) -> None:
    records = [bench.record() for _ in range(63)]
    numbers = [*range(60), 7, 27, 47]
    await bench.backend.submit(
        [
            record._replace(data=f'{{"id":"{record.id}","share":"/mnt/{number:02}"}}')
            for record, number in zip(records, numbers, strict=True)
        ]
    )
    for record in records:
        bench.runner.end(await bench.started(record.id), FULL)
    await bench.reaches(records[-1].id, BackgroundTaskStatus.FAILED)
    await bench.written()
    found = await facets(bench, "args.share")
    assert len(found) == 50
    assert found[:3] == [(f"/mnt/{number}", 2, 2) for number in ("07", "27", "47")]
    assert found[3:] == [(f"/mnt/{number:02}", 1, 1) for number in range(50) if number % 20 != 7]

"""Failures that are the same one, and the tasks that have them."""

from datetime import timedelta
from uuid import UUID

from bgtasks.core.error_groups import group_of
from bgtasks.core.events import Completed, Failed
from bgtasks.core.record import NOT_YET, Search, TaskQuery
from bgtasks.models import BackgroundTaskStatus, FailureGroup
from bgtasks.testing.conformance import BackendBench

FAILED, COMPLETED = BackgroundTaskStatus.FAILED, BackgroundTaskStatus.COMPLETED

FRAME = "app/exports.py in copy"


def no_space(share: int, *, again: bool = False) -> Failed:
    wait = timedelta(0) if again else None
    message = f"no space on /mnt/share-{share}"
    return Failed(message, "Traceback …", wait, error_type="OSError", frame=FRAME)


NO_SPACE = group_of("OSError", "no space on /mnt/share-1", FRAME)
OTHER = Failed("no such name", error_type="KeyError")


async def groups(bench: BackendBench, *types: str, hours: int = 24) -> list[FailureGroup]:
    since = bench.clock.now() - timedelta(hours=hours)
    return list(await bench.backend.failure_groups(since, NOT_YET, types))


async def found(bench: BackendBench, **query: object) -> list[UUID]:
    asked = TaskQuery(search=Search(error=NO_SPACE), **query)  # type: ignore[arg-type]
    return [record.id for record in (await bench.backend.list(asked)).records]


async def test_tasks_that_failed_for_the_same_reason_are_one_group(bench: BackendBench) -> None:
    first_at = bench.clock.now()
    tasks = []
    for share in (1, 2, 3):
        tasks.append(await bench.finished(no_space(share)))
        await bench.advance(10)
    await bench.finished(OTHER, type_name="Other")
    group, other = await groups(bench)
    assert (group.group, group.error_type, group.frame) == (NO_SPACE, "OSError", FRAME)
    assert (group.sample, group.sample_task) == ("no space on /mnt/share-3", tasks[2])
    assert (group.still_failed, group.recovered, group.retrying) == (3, 0, 0)
    assert (group.first_at, group.last_at) == (first_at, first_at + timedelta(seconds=20))
    assert group.types == ("Quick",)
    assert (other.error_type, other.still_failed, other.types) == ("KeyError", 1, ("Other",))
    assert [item.group for item in await groups(bench, "Other")] == [other.group]
    assert await groups(bench, "Slow") == []


async def test_a_task_that_completes_after_a_retry_has_recovered(bench: BackendBench) -> None:
    record = await bench.run()
    bench.runner.end(record, no_space(1, again=True))
    await bench.reaches(record.id, lambda item: item.failures == 1)
    await bench.finished(no_space(2))
    (group,) = await groups(bench)
    assert (group.still_failed, group.recovered, group.retrying) == (1, 0, 1)
    await bench.advance(1)
    bench.runner.end(await bench.started(record.id, 2), Completed())
    await bench.reaches(record.id, COMPLETED)
    (group,) = await groups(bench)
    assert (group.still_failed, group.recovered, group.retrying) == (1, 1, 0)
    assert group.sample == "no space on /mnt/share-2"


async def test_only_what_failed_within_the_time_is_counted(bench: BackendBench) -> None:
    await bench.finished(no_space(1))
    await bench.advance(3 * 3600)
    await bench.finished(no_space(2))
    (recent,) = await groups(bench, hours=1)
    assert recent.still_failed == 1
    (all_day,) = await groups(bench)
    assert all_day.still_failed == 2


async def test_the_tasks_of_a_failure_are_found_counted_and_paged(bench: BackendBench) -> None:
    ada = [await bench.finished(no_space(share), owner="ada") for share in (1, 2)]
    await bench.finished(OTHER)
    nobodys = await bench.finished(no_space(3))
    await bench.finished()
    assert await found(bench) == [nobodys, *reversed(ada)]
    assert await found(bench, statuses=[FAILED], owners=["ada"]) == [*reversed(ada)]
    assert await found(bench, owners=[None]) == [nobodys]
    assert await found(bench, statuses=[COMPLETED]) == []
    assert await found(bench, types=["Other"]) == []
    query = TaskQuery(search=Search(error=NO_SPACE), limit=2)
    page = await bench.backend.list(query)
    assert [record.id for record in page.records] == [nobodys, ada[1]]
    assert await found(bench, before=page.next_before) == [ada[0]]
    assert await found(bench, sort="created") == [*ada, nobodys]
    assert dict(await bench.backend.count(query)) == {("Quick", FAILED): 3}


async def test_a_task_that_fails_for_another_reason_goes_to_that_group(
    bench: BackendBench,
) -> None:
    task_id = await bench.finished(no_space(1))
    await bench.backend.retry(task_id)
    bench.runner.end(await bench.started(task_id, 2), OTHER)
    await bench.reaches(task_id, lambda item: item.attempt == 2 and item.status is FAILED)
    (group,) = await groups(bench)
    assert (group.error_type, group.still_failed) == ("KeyError", 1)
    assert await found(bench) == []


async def test_what_was_dropped_is_in_no_group(bench: BackendBench) -> None:
    task_id = await bench.finished(no_space(1))
    assert await bench.backend.delete(task_id)
    assert await groups(bench) == []

"""Looking for tasks by words and times, which no index answers."""

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from bgtasks.backends.task_reads import WINDOW
from bgtasks.core.events import Cancelled, Failed, Report
from bgtasks.core.record import Search, Span, TaskQuery, View
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

MINUTE = 60


async def found(bench: BackendBench, limit: int = 50, **search: object) -> list[UUID]:
    query = TaskQuery(search=Search(**search), limit=limit)  # type: ignore[arg-type]
    return [item.id for page in await bench.pages(query) for item in page.records]


async def named(bench: BackendBench, *names: str) -> list[UUID]:
    return [await bench.submit(name=name, delay=3600) for name in names]


async def test_each_word_has_to_occur_in_any_case_of_letters(idle_bench: BackendBench) -> None:
    both, other, umlaut, special = await named(
        idle_bench, "Copy Movie.mkv", "copy song.mp3", "Größe ÄNDERN", r"50% of [a-z]*.\d_x?^$"
    )
    expected = {
        ("copy",): [other, both],
        ("COPY", "movie"): [both],
        ("movie", "song"): [],
        ("opy m",): [both],
        ("größe", "änDern"): [umlaut],
        ("50%", "[A-Z]*"): [special],
        (r".\d_X?^$",): [special],
        ("*",): [special],
        ("_",): [special],
        ("?",): [special],
        ("%",): [special],
        (".*",): [],
        ("cop_",): [],
    }
    assert {words: await found(idle_bench, words=words) for words in expected} == expected


async def test_words_are_looked_for_in_messages_too(bench: BackendBench) -> None:
    failed = await bench.finished(Failed("the provider says: Quota exceeded"))
    told = await bench.run()
    bench.runner.end(told, Cancelled(), Report(10, "skipped Row 17", None, None))
    await bench.reaches(told.id, BackgroundTaskStatus.CANCELLED)
    assert await found(bench, words=("quota",)) == [failed]
    assert await found(bench, words=("row", "17")) == [told.id]
    assert await found(bench, words=("quick",)) == [told.id, failed]


async def test_a_word_may_be_the_beginning_of_an_id(idle_bench: BackendBench) -> None:
    ids = await named(idle_bench, "one", "two")
    for task_id, name in zip(ids, ("one", "two"), strict=True):
        text = str(task_id)
        assert await found(idle_bench, words=(text,)) == [task_id]
        assert await found(idle_bench, words=(text.upper()[:35],)) == [task_id]
        assert await found(idle_bench, words=(text.replace("-", ""), name)) == [task_id]
        assert await found(idle_bench, words=(text[1:],)) == []


async def test_times_are_from_the_one_on_and_before_the_other(bench: BackendBench) -> None:
    start = bench.clock.now()
    ids = []
    for _ in range(3):
        record = await bench.run()
        await bench.advance(MINUTE)
        bench.runner.end(record)
        await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
        ids.append(record.id)
    times = [start + timedelta(minutes=number) for number in range(5)]
    for number, (begin, end) in enumerate(pairwise(times[:4])):
        assert await found(bench, created=Span(begin, end)) == [ids[number]]
        assert await found(bench, started=Span(begin, end)) == [ids[number]]
        assert await found(bench, ended=Span(times[number + 1], times[number + 2])) == [ids[number]]
    assert await found(bench, created=Span(times[1])) == [ids[2], ids[1]]
    assert await found(bench, created=Span(None, times[1])) == [ids[0]]
    assert await found(bench, created=Span(times[3])) == []
    assert await found(bench, created=Span(times[1]), words=("nothing",)) == []


@pytest.mark.parametrize(("view", "expected"), [("waiting", 0), ("scheduled", 1), ("retrying", 2)])
async def test_what_waits_is_told_apart(bench: BackendBench, view: View, expected: int) -> None:
    failing = await bench.run()
    limited = [await bench.submit("Limited") for _ in range(3)]
    await bench.count_started(3)
    scheduled = await bench.submit(delay=3600)
    bench.runner.end(failing, Failed("no", retry_after=timedelta(minutes=1)))
    await bench.reaches(failing.id, lambda record: record.failures == 1)
    assert await found(bench, view=view) == [[limited[2], scheduled, failing.id][expected]]
    await bench.advance(7200)


async def test_pages_of_a_search_follow_one_another(idle_bench: BackendBench) -> None:
    names = [f"{'even' if number % 2 == 0 else 'odd'} {number}" for number in range(20)]
    ids = await named(idle_bench, *names)
    pages = await idle_bench.pages(TaskQuery(search=Search(words=("even",)), limit=3))
    assert [[item.id for item in page.records] for page in pages] == [
        ids[18:13:-2],
        ids[12:7:-2],
        ids[6:1:-2],
        ids[0:1],
    ]


async def test_a_search_goes_together_with_other_filters(bench: BackendBench) -> None:
    mine = await bench.submit("Other", name="report a", owner="ada", delay=60)
    await bench.submit("Quick", name="report b", owner="ada", delay=60)
    await bench.submit("Other", name="report c", owner="bob", delay=60)
    nobodys = await bench.submit("Other", name="report d", delay=60)
    query = TaskQuery(
        types=["Other"],
        owners=["ada", None],
        statuses=[BackgroundTaskStatus.PENDING],
        search=Search(words=("report",)),
    )
    (page,) = await bench.pages(query)
    assert [item.id for item in page.records] == [nobodys, mine]


async def test_what_is_far_behind_is_found(idle_bench: BackendBench) -> None:
    """More tasks than are looked at in one go."""
    bench = idle_bench
    old = await bench.submit(name="needle", delay=3600)
    old_time = bench.clock.now()
    await bench.advance(24 * 3600)
    for _ in range(2 * WINDOW // 1000 + 1):
        await bench.backend.submit([bench.record(delay=3600) for _ in range(1000)])
    new = await bench.submit(name="needle", delay=3600)
    assert await found(bench, words=("needle",)) == [new, old]
    yesterday = Span(old_time, old_time + timedelta(seconds=1))
    assert await found(bench, created=yesterday) == [old]
    assert await found(bench, started=yesterday) == []
    today = Span(old_time + timedelta(hours=1))
    assert await found(bench, created=today, words=("needle",)) == [new]

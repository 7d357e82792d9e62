"""Looking for tasks by words and times, which no index answers."""

from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from bgtasks.backends.task_reads import WINDOW
from bgtasks.core.events import Cancelled, Failed, Report
from bgtasks.core.record import MAX_SEARCHED, Search, Span, TaskQuery, TaskRecord, View
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


def with_arguments(bench: BackendBench, text: str, **fields: Any) -> TaskRecord:
    """A task whose arguments have this JSON."""
    record = bench.record(delay=3600, **fields)
    return record._replace(data=f'{{"id":"{record.id}",{text}}}')


async def test_words_are_looked_for_in_the_values_of_arguments(idle_bench: BackendBench) -> None:
    texts = [
        r'"share":"Photos of \u00c4ste","size":1234',
        r'"paths":["C:\\new\\u00c4",{"deep":"say \"hi\""}],"dry":true',
        r'"share":"\u0000 \ud83d","photos":null',
    ]
    records = [with_arguments(idle_bench, text) for text in texts]
    first, second, _ = [record.id for record in records]
    await idle_bench.backend.submit(records)
    expected = {
        ("photos",): [first],  # not the key
        ("share",): [],
        ("PHOTOS", "of"): [first],
        ("äste",): [first],
        ("ÄSTE", "234"): [first],
        (r"c:\new\u00c4",): [second],
        ('"hi"',): [second],
        (",",): [],
        ("{",): [],
        (str(first)[9:],): [],
    }
    sought = {words: await found(idle_bench, words=words, in_arguments=True) for words in expected}
    assert sought == expected
    assert await found(idle_bench, words=("photos",)) == []
    assert await found(idle_bench, words=(str(first),), in_arguments=True) == [first]


async def test_a_task_is_found_by_what_an_argument_is(idle_bench: BackendBench) -> None:
    texts = [
        r'"share":"photos","options":{"size":3,"dry":true},"files":["a","b"]',
        r'"share":"\u00c4","options":{"size":3.5,"dry":false},"files":[]',
        r'"share":null,"options":{"size":"3","1":"one"},"\u00e4":"x\\","bad":"\u0000 \ud83d"',
        r'"share":{"photos":1}',
    ]
    records = [with_arguments(idle_bench, text) for text in texts]
    first, second, third, _ = [record.id for record in records]
    await idle_bench.backend.submit(records)
    expected = {
        (("share", "photos"),): [first],
        (("share", "Photos"),): [],
        (("share", "Ä"),): [second],
        (("share", "null"),): [third],
        (("options.size", "3"),): [third, first],
        (("options.size", "3.0"),): [first],
        (("options.size", "3.5"),): [second],
        (("options.dry", "true"),): [first],
        (("options.dry", "1"),): [],
        (("files.1", "b"),): [first],
        (("files.9", "b"),): [],
        (("options.1", "one"),): [third],
        (("ä", "x\\"),): [third],
        (("options", "3"),): [],
        (("options.size", "3"), ("share", "photos")): [first],
    }
    sought = {wanted: await found(idle_bench, arguments=wanted) for wanted in expected}
    assert sought == expected


async def test_long_arguments_are_not_looked_into(idle_bench: BackendBench) -> None:
    long = with_arguments(idle_bench, f'"share":"photos","more":"{"x" * MAX_SEARCHED}"')
    short = with_arguments(idle_bench, '"share":"photos"')
    await idle_bench.backend.submit([long, short])
    assert await found(idle_bench, words=("photos",), in_arguments=True) == [short.id]
    assert await found(idle_bench, arguments=(("share", "photos"),)) == [short.id]


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


async def test_tasks_are_counted_by_their_owners(idle_bench: BackendBench) -> None:
    for owner in ("ada", None, "ada", "bob"):
        await idle_bench.submit(name=f"copy for {owner}", owner=owner, delay=60)
    await idle_bench.submit("Other", name="scan", owner="bob", delay=60)
    backend = idle_bench.backend
    assert await backend.count_owners(TaskQuery()) == {"ada": 2, "bob": 2, None: 1}
    copies = TaskQuery(search=Search(words=("copy",)), owners=["bob", None])
    assert await backend.count_owners(copies) == {"bob": 1, None: 1}
    assert await backend.count_owners(TaskQuery(types=["Nothing"])) == {}


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

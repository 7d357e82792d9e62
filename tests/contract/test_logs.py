"""What attempts log is kept beside their tasks: numbered, bounded, and gone with the task."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bgtasks.core.events import Completed, Failed
from bgtasks.core.log_chunks import (
    OF_TASK,
    Line,
    NewLines,
    StoredLog,
    encode_line,
    end_of_line,
    microseconds,
)
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.core.task_log import Logs
from bgtasks.models import BackgroundTaskStatus
from bgtasks.testing.conformance import BackendBench

AT = datetime(2026, 1, 1, tzinfo=UTC)
FEW = Logs(lines=10)


def line(message: str, logger: str | None = None) -> Line:
    end = OF_TASK if logger is None else end_of_line(logger)
    return encode_line(microseconds(AT), "info", message, end)


def lines(*messages: str, start: int = 0, logger: str | None = None) -> NewLines:
    return NewLines.of(start, [line(item, logger) for item in messages])


def log(bench: BackendBench, record: TaskRecord, new: NewLines, logs: Logs = FEW) -> None:
    bench.backend.log(record.id, record.attempt, new, logs)


def messages(log: StoredLog) -> Sequence[str]:
    return [line.message for line in log.of_everything()]


def numbers(log: StoredLog) -> Sequence[int]:
    return [line.number for line in log.lines]


async def test_lines_are_kept_in_their_order_and_read_on_behind_a_number(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    log(bench, record, lines("a", "b"))
    await bench.written()
    log(bench, record, lines("c", start=2))
    log(bench, record, lines("d", "ünïcode \u2028 \N{GRINNING FACE}", start=3))
    await bench.written()
    found = await bench.backend.logs(record.id)
    assert messages(found) == ["a", "b", "c", "d", "ünïcode \u2028 \N{GRINNING FACE}"]
    assert (numbers(found), found.first, found.last) == ([1, 2, 3, 4, 5], 1, 5)
    for after in range(7):
        rest = await bench.backend.logs(record.id, after)
        assert numbers(rest) == list(range(after + 1, 6))
        assert (rest.first, rest.last) == (1, 5)


async def test_a_task_that_has_logged_nothing_and_one_that_is_not_there_have_no_lines(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    for task_id in (record.id, UUID(int=7)):
        found = await bench.backend.logs(task_id)
        assert (list(found.lines), found.first, found.last) == ([], 1, 0)


async def test_who_sees_the_end_of_a_task_can_read_all_that_it_logged(
    bench: BackendBench,
) -> None:
    ended: list[UUID] = []
    bench.backend.subscribe(
        lambda record: ended.append(record.id) if record.status.is_final else None
    )
    records = [await bench.run() for _ in range(5)]
    for record in records:
        log(bench, record, lines("first"))
        bench.runner.end(record)
    log(bench, records[0], lines("too late", start=1))
    for record in records:
        await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
        assert messages(await bench.backend.logs(record.id))[0] == "first"


async def test_the_numbers_go_on_over_the_attempts_of_a_task(bench: BackendBench) -> None:
    record = await bench.run()
    log(bench, record, lines("one", "two"))
    bench.runner.end(record, Failed("it broke", None, timedelta(0)))
    second = await bench.started(record.id, 2)
    log(bench, second, lines("three"))
    await bench.written()
    found = await bench.backend.logs(record.id)
    assert messages(found) == ["one", "two", "three"]
    assert numbers(found) == [1, 2, 3]


async def test_lines_of_an_attempt_that_no_longer_holds_its_task_are_not_kept(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    bench.runner.end(record, Failed("it broke", None, timedelta(0)))
    second = await bench.started(record.id, 2)
    log(bench, record, lines("from the dead"))
    log(bench, second, lines("alive"))
    await bench.written()
    assert messages(await bench.backend.logs(record.id)) == ["alive"]


async def test_the_oldest_lines_are_dropped_and_a_line_says_how_many(
    bench: BackendBench,
) -> None:
    record = await bench.run()
    for number in range(25):
        log(bench, record, lines(f"line {number}", start=number))
        await bench.written()
    found = await bench.backend.logs(record.id)
    expected = ["15 lines were dropped here", *(f"line {number}" for number in range(15, 25))]
    assert messages(found) == expected
    assert numbers(found) == list(range(16, 26))
    assert (found.first, found.last) == (16, 25)
    behind = await bench.backend.logs(record.id, 14)
    assert messages(behind)[:2] == ["1 line was dropped here", "line 15"]
    assert messages(await bench.backend.logs(record.id, 15))[0] == "line 15"


async def test_the_log_has_no_more_bytes_than_its_type_keeps(bench: BackendBench) -> None:
    record = await bench.run()
    logs = Logs(lines=100_000, size=20_000)
    for number in range(100):
        log(bench, record, lines("é" * 500, start=number), logs)
        if number % 7 == 0:
            await bench.written()
    await bench.written()
    found = await bench.backend.logs(record.id)
    assert found.last == 100
    assert found.first == found.lines[0].number > 70
    size = sum(len(line.message.encode()) for line in found.lines)
    assert 10_000 < size <= 20_000


async def test_what_an_attempt_has_dropped_itself_is_counted(bench: BackendBench) -> None:
    record = await bench.run()
    log(bench, record, lines("a", "b"))
    await bench.written()
    many = [line(f"{number}") for number in range(10)]
    log(bench, record, NewLines.of(1_000, many, dropped_of_task=998))
    await bench.written()
    found = await bench.backend.logs(record.id)
    assert messages(found)[:2] == ["1,000 lines were dropped here", "0"]
    assert found.last == 1_010
    assert found.dropped_of_task == 1_000


async def test_lines_for_operators_can_be_left_out(bench: BackendBench) -> None:
    record = await bench.run()
    for start in range(0, 24, 2):
        log(bench, record, lines(f"said {start}", start=start))
        log(bench, record, lines(f"logged {start}", start=start + 1, logger="app.secrets"))
        await bench.written()
    found = (await bench.backend.logs(record.id)).of_task()
    said = ["7 lines were dropped here", *(f"said {start}" for start in range(14, 24, 2))]
    assert [line.message for line in found] == said
    assert {line.source for line in found} == {"task"}
    assert found.last == 24
    behind = (await bench.backend.logs(record.id, 4)).of_task()
    assert behind.lines[0].message == "Older lines were dropped here"


async def test_a_long_log_is_read_in_parts(bench: BackendBench) -> None:
    record = await bench.run()
    logs = Logs(lines=100_000, size=16 * 1024 * 1024)
    for start in range(0, 5_000, 500):
        log(bench, record, lines(*["x" * 1_000] * 500, start=start), logs)
    await bench.written()
    after, parts = 0, 0
    while (found := await bench.backend.logs(record.id, after)).lines:
        assert numbers(found) == list(range(after + 1, found.last + 1))
        assert sum(len(line.message) for line in found.lines) < 4 * 1024 * 1024
        after, parts = found.last, parts + 1
    assert after == 5_000
    assert 5 <= parts <= 50


async def test_subscribers_hear_which_tasks_have_new_lines(bench: BackendBench) -> None:
    heard: list[Any] = []
    unsubscribe = bench.backend.subscribe_logs(heard.append)
    record, other = await bench.run(), await bench.run()
    log(bench, record, lines("a"))
    await bench.written()
    assert [*map(list, heard)] == [[record.id]]
    unsubscribe()
    log(bench, other, lines("b"))
    await bench.written()
    assert len(heard) == 1


async def test_the_log_is_not_part_of_the_snapshot(bench: BackendBench) -> None:
    record = await bench.run()
    log(bench, record, lines("a"))
    await bench.written()
    assert await bench.get(record.id) == record
    assert bench.announced(record.id)[-1].revision == record.revision


async def test_the_log_goes_with_its_task(bench: BackendBench) -> None:
    records = [await bench.run() for _ in range(2)]
    for record in records:
        log(bench, record, lines("a"))
        bench.runner.end(record, Completed())
        await bench.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    assert await bench.backend.delete(records[0].id)
    await bench.advance(10)
    assert await bench.backend.prune(PruneRule(timedelta(seconds=5)), 10) == 1
    for record in records:
        assert not (await bench.backend.logs(record.id)).lines


async def test_the_log_is_there_after_a_restart_and_a_crash(durable: BackendBench) -> None:
    record = await durable.run()
    log(durable, record, lines("before"))
    await durable.reopen(crash=True)
    second = await durable.started(record.id, 2)
    log(durable, second, lines("after"))
    await durable.reopen()
    third = await durable.started(record.id, 3)
    log(durable, third, lines("at last"))
    durable.runner.end(third)
    await durable.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    found = await durable.backend.logs(record.id)
    assert messages(found) == ["before", "after", "at last"]
    assert numbers(found) == [1, 2, 3]

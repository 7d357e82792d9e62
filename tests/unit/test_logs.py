"""Which task a log line says it belongs to, and what the lines look like."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus, Retry, background_task
from bgtasks.execution import logged_run
from bgtasks.logs import JsonLinesFormatter, TaskLogFilter, TextFormatter, log_fields
from bgtasks.testing import run_worker
from tests.hosts.scripted import (
    Context,
    Failing,
    Work,
    container_for,
    container_of,
    run_to_end,
    running,
    worker_of,
)

log = logging.getLogger("tests.host")


class Lines(logging.Handler):
    """Keeps what is logged, as a handler of a host application would see it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.addFilter(TaskLogFilter())

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def of(self, name: str) -> list[logging.LogRecord]:
        return [record for record in self.records if record.name == name]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def fields_of(record: logging.LogRecord) -> tuple[Any, Any, Any]:
    return record.__dict__["task_id"], record.__dict__["task_type"], record.__dict__["attempt"]


async def test_what_an_async_worker_and_the_tasks_it_starts_log_is_theirs(lines: Lines) -> None:
    async def child() -> None:
        log.info("child")

    async def script(_context: Context) -> None:
        log.info("worker")
        await asyncio.create_task(child())
        await asyncio.to_thread(log.info, "thread")

    task = Work()
    async with running(container_for(script)) as manager:
        await run_to_end(manager, task)
    assert [record.getMessage() for record in lines.of("tests.host")] == [
        "worker",
        "child",
        "thread",
    ]
    for record in lines.of("tests.host"):
        assert fields_of(record) == (str(task.id), "Work", 1)


async def test_what_a_sync_worker_logs_is_its_own(lines: Lines) -> None:
    def script(_context: Context) -> None:
        log.info("worker")

    task = Work()
    async with running(container_for(script)) as manager:
        await run_to_end(manager, task)
    assert [fields_of(record) for record in lines.of("tests.host")] == [(str(task.id), "Work", 1)]


async def test_two_attempts_at_once_are_kept_apart(lines: Lines) -> None:
    both = asyncio.Barrier(2)

    async def script(context: Context) -> None:
        await both.wait()
        log.info("%s", context.task.id)

    async with running(container_for(script)) as manager:
        await asyncio.gather(run_to_end(manager, Work()), run_to_end(manager, Work()))
    for record in lines.of("tests.host"):
        assert record.getMessage() == fields_of(record)[0]


async def test_start_and_end_of_each_attempt_are_logged(lines: Lines) -> None:
    task = Work()
    run = await run_worker(
        container_of(background_task(Work, worker_of(Failing(1).run), type_name="work")), task
    )
    assert run.error is not None
    start, end = lines.of(logged_run.__name__)
    assert start.getMessage() == f"attempt 1 of task {task.id} (work) starts"
    assert end.getMessage() == (
        f"attempt 1 of task {task.id} (work) ended as Failed after 0.000 seconds: failure 1"
    )
    assert fields_of(start) == fields_of(end) == (str(task.id), "work", 1)


# At the default level (FAULTS 36)


def ends(lines: Lines) -> list[logging.LogRecord]:
    return [line for line in lines.of(logged_run.__name__) if line.levelno > logging.INFO]


async def test_a_failure_is_an_error_with_its_traceback(lines: Lines) -> None:
    await run_worker(container_for(Failing(1).run), Work())
    (line,) = ends(lines)
    assert line.levelname == "ERROR"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], ConnectionError)
    assert "failure 1" in line.getMessage()
    assert "in run" in logging.Formatter().format(line)


async def test_a_failure_that_is_retried_is_a_warning_and_the_last_an_error(lines: Lines) -> None:
    retry = Retry(max_attempts=2, backoff=0)
    async with running(container_for(Failing(2).run, retry=retry)) as manager:
        await run_to_end(manager, Work())
    first, last = ends(lines)
    assert [line.levelname for line in (first, last)] == ["WARNING", "ERROR"]
    assert "the next attempt follows in 0.0 seconds" in first.getMessage()
    assert first.exc_info is not None
    assert last.exc_info is not None
    assert [fields_of(line)[2] for line in (first, last)] == [1, 2]


async def test_a_failure_that_the_worker_declared_is_an_error_too(lines: Lines) -> None:
    async def script(context: Context) -> None:
        context.set_status(BackgroundTaskStatus.FAILED, error_message="given up")

    await run_worker(container_for(script), Work())
    (line,) = ends(lines)
    assert (line.levelname, line.exc_info) == ("ERROR", None)
    assert "given up" in line.getMessage()


async def test_neither_success_nor_a_cancel_is_an_error(lines: Lines) -> None:
    async def script(context: Context) -> None:
        context.report_progress(1.0)
        if context.task.text:
            await asyncio.Event().wait()

    await run_worker(container_for(script), Work())
    await run_worker(
        container_for(script), Work(text="hang"), cancel_when=lambda info: info.progress > 0
    )
    assert ends(lines) == []


async def test_they_are_not_logged_where_nobody_wants_to_know(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A level is how an application says so.
    monkeypatch.setattr(logging.getLogger(logged_run.__name__), "level", logging.WARNING)

    async def script(_context: Context) -> None:
        log.info("still known")

    task = Work()
    await run_worker(container_for(script), task)
    assert lines.of(logged_run.__name__) == []
    assert fields_of(lines.of("tests.host")[0]) == (str(task.id), "Work", 1)


def test_a_line_from_outside_has_the_fields_too_so_that_any_format_can_name_them(
    lines: Lines,
) -> None:
    log.info("outside")
    assert fields_of(lines.records[0]) == (None, None, None)


def test_a_line_that_names_a_task_itself_keeps_it(lines: Lines) -> None:
    log.info("about another", extra={"task_id": "other"})
    assert fields_of(lines.records[0]) == ("other", None, None)


def formatted(formatter: logging.Formatter, *args: Any, error: bool = False, **extra: Any) -> str:
    record = logging.LogRecord("host.mail", logging.WARNING, "", 1, args[0], args[1:], None)
    record.created = 1767323045.678
    record.__dict__.update({**log_fields(None), **extra})
    if error:
        try:
            raise ValueError("no\nsuch thing")
        except ValueError:
            record.exc_info = sys.exc_info()
    return formatter.format(record)


def test_a_json_line_is_one_line_and_leaves_out_what_there_is_not() -> None:
    assert json.loads(formatted(JsonLinesFormatter(), "sent %d\n\x1b é", 3)) == {
        "time": "2026-01-02T03:04:05.678Z",
        "level": "WARNING",
        "logger": "host.mail",
        "message": "sent 3\n\x1b é",
    }


def test_a_json_line_has_task_and_traceback() -> None:
    line = formatted(
        JsonLinesFormatter(), "x", error=True, task_id="1-2", task_type="Work", attempt=2
    )
    assert "\n" not in line
    found = json.loads(line)
    assert (found["task_id"], found["task_type"], found["attempt"]) == ("1-2", "Work", 2)
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: no\nsuch thing")


def test_a_text_line_names_the_task_before_the_traceback() -> None:
    assert formatted(TextFormatter(), "x") == "2026-01-02T03:04:05.678Z WARNING host.mail: x"
    text = formatted(TextFormatter(), "x", error=True, task_id="1-2", task_type="Work", attempt=2)
    first, second, *_ = text.splitlines()
    assert first.endswith("host.mail: x [task 1-2 Work attempt 2]")
    assert second.startswith("Traceback")

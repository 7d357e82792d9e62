"""The log of a task: what its worker says to whoever watches, and ``logging`` to operators."""

import asyncio
import gc
import logging
import logging.config
import threading
import weakref
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bgtasks import (
    BackgroundTaskManager,
    BackgroundTaskStatus,
    LogLine,
    Logs,
    ManagerStateError,
    QueryError,
    Retry,
    SettingsError,
    background_task,
)
from bgtasks.core.task_log import TaskLog
from bgtasks.testing import run_worker
from tests.hosts.scripted import (
    Context,
    Failing,
    Script,
    Work,
    clock_of,
    container_for,
    container_of,
    run_to_end,
    running,
    until,
    worker_of,
)

log = logging.getLogger("tests.app")


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    """The application lets lines from DEBUG on through."""
    before = log.level
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(before)


def shown(lines: Any) -> list[tuple[str, str, str]]:
    return [(line.level, line.message, line.source) for line in lines]


def messages(lines: Any) -> list[str]:
    return [line.message for line in lines]


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


async def lines_of(script: Script, **options: Any) -> tuple[LogLine, ...]:
    return (await run_worker(container_for(script, **options), Work())).lines


async def log_of(manager: BackgroundTaskManager, **options: Any) -> TaskLog:
    return await manager.get_logs((await run_to_end(manager, Work())).id, **options)


# What a worker logs


async def test_what_the_worker_says_and_what_logging_says_are_one_log_in_their_order() -> None:
    async def script(context: Context) -> None:
        context.log("began")
        log.warning("row %d has no date", 17)
        await asyncio.sleep(0)
        context.log("skipped row 17: no date", level="warning")
        log.debug("not kept")
        context.log("not kept either", level="debug")

    container = container_for(script)
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        found = await manager.get_logs(info.id)
        now = clock_of(container).now()
        assert list(found) == [
            LogLine(1, now, "info", "began"),
            LogLine(2, now, "warning", "row 17 has no date", "logging", "tests.app"),
            LogLine(3, now, "warning", "skipped row 17: no date"),
        ]
        assert (found.first, found.last) == (1, 3)
        assert messages(await manager.get_logs(info.id, after=2)) == ["skipped row 17: no date"]
        said = await manager.get_logs(info.id, source="task")
        assert messages(said) == ["began", "skipped row 17: no date"]
        assert said.last == 3


async def test_lines_of_a_running_task_can_be_read() -> None:
    go_on = asyncio.Event()

    async def script(context: Context) -> None:
        context.log("waiting")
        await go_on.wait()

    container = container_for(script)
    async with running(container) as manager:
        heard: list[Any] = []
        manager.log_updated.subscribe(heard.append)
        task_id = await manager.run_task(Work())
        async with asyncio.timeout(10):
            while not heard:
                clock_of(container).advance(0.2)
                await asyncio.sleep(0.001)
        assert [*map(list, heard)] == [[task_id]]
        assert messages(await manager.get_logs(task_id)) == ["waiting"]
        go_on.set()
        await manager.wait_for(task_id)


async def test_a_sync_worker_and_what_runs_for_it_log_too() -> None:
    def in_other_thread(context: Context) -> None:
        context.log("from another thread")
        log.info("of no task, as threads have no context")

    def script(context: Context) -> None:
        log.info("in the thread of the worker")
        thread = threading.Thread(target=in_other_thread, args=[context])
        thread.start()
        thread.join()

    assert messages(await lines_of(script)) == [
        "in the thread of the worker",
        "from another thread",
    ]


async def test_tasks_and_threads_that_an_async_worker_starts_log_for_it() -> None:
    async def part() -> None:
        log.info("in an asyncio task")

    async def script(context: Context) -> None:
        await asyncio.gather(part(), asyncio.to_thread(log.info, "in a thread"))

    assert sorted(messages(await lines_of(script))) == ["in a thread", "in an asyncio task"]


async def test_lines_of_many_threads_are_all_there() -> None:
    def script(context: Context) -> None:
        def say(name: int) -> None:
            for number in range(100):
                context.log(f"{name} {number}")

        threads = [threading.Thread(target=say, args=[name]) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    lines = await lines_of(script)
    assert [line.number for line in lines] == list(range(1, 801))
    for name in range(8):
        own = [item for item in messages(lines) if item.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(100)]


async def test_of_too_many_lines_of_many_threads_the_newest_are_kept() -> None:
    def script(context: Context) -> None:
        def say() -> None:
            for number in range(500):
                context.log(str(number))

        threads = [threading.Thread(target=say) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        context.log("the last")

    async with running(container_for(script, logs=Logs(lines=7))) as manager:
        found = await log_of(manager)
    assert (found.first, found.last, len(found)) == (1_995, 2_001, 8)
    assert found[0].message == "1,994 lines were dropped here"
    assert found[-1].message == "the last"


async def test_two_tasks_at_once_have_their_own_lines() -> None:
    async def script(context: Context) -> None:
        for number in range(3):
            log.info("%s %d", context.task.text, number)
            await asyncio.sleep(0)

    async with running(container_for(script)) as manager:
        ids = await manager.run_tasks([Work(text="a"), Work(text="b")])
        for task_id, text in zip(ids, "ab", strict=True):
            await manager.wait_for(task_id)
            found = messages(await manager.get_logs(task_id))
            assert found == [f"{text} {number}" for number in range(3)]


async def test_what_is_logged_outside_of_attempts_is_nobodys() -> None:
    async def script(context: Context) -> None:
        context.log("inside")

    async with running(container_for(script)) as manager:
        log.info("before")
        found = await log_of(manager)
        log.info("after")
        assert messages(found) == ["inside"]


async def test_all_attempts_of_a_task_have_one_log() -> None:
    flaky = Failing(1)

    async def script(context: Context) -> None:
        context.log(f"attempt {context.info.attempt}")
        await flaky.run(context)

    container = container_for(script, retry=Retry(max_attempts=2))
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        ended = asyncio.ensure_future(manager.wait_for(task_id))
        while not ended.done():
            clock_of(container).advance(60)
            await asyncio.sleep(0.001)
        found = await manager.get_logs(task_id)
        assert messages(found) == ["attempt 1", "attempt 2"]
        assert [line.number for line in found] == [1, 2]


async def test_an_exception_is_logged_with_the_end_of_its_traceback() -> None:
    async def script(context: Context) -> None:
        try:
            raise ConnectionError("the provider is down " + "x" * 10_000)
        except ConnectionError:
            log.exception("cannot send")

    (line,) = await lines_of(script)
    assert line.message.startswith("cannot send\n…")
    assert line.message.endswith("xxx")
    assert len(line.message) <= 4_000
    assert line.level == "error"


async def test_a_long_line_is_cut_and_one_that_nobody_could_store_is_cleaned() -> None:
    async def script(context: Context) -> None:
        context.log("x" * 10_000)
        context.log("a\0b\udc80\nc")
        log.info("%s", "y" * 10_000)

        context.log(r"a\u0000b is no such character")

    first, second, third, fourth = await lines_of(script)
    assert len(first.message) == len(third.message) == 4_000
    assert second.message == "a\N{REPLACEMENT CHARACTER}b?\nc"
    assert fourth.message == r"a\u0000b is no such character"


# What never fails an attempt


async def test_a_line_whose_arguments_do_not_fit_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    class Unwilling:
        def __repr__(self) -> str:
            raise ValueError("no")

    async def script(context: Context) -> None:
        log.info("%d rows", "three")
        log.info(Unwilling())
        context.log("on")

    bad, worse, last = await lines_of(script)
    assert "three" in bad.message
    assert "Unwilling" in worse.message
    assert last.message == "on"


async def test_a_record_that_came_from_elsewhere_without_a_name_harms_nobody() -> None:
    async def script(context: Context) -> None:
        log.handle(logging.makeLogRecord({"levelno": logging.INFO, "msg": "nobody's"}))
        log.info("on")

    assert messages(await lines_of(script)) == ["on"]


async def test_a_handler_and_a_message_that_log_themselves_do_not_go_round() -> None:
    class Talking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == log.name:
                logging.getLogger("tests.handler").warning("handling %s", record.getMessage())

    class Chatty:
        def __str__(self) -> str:
            log.debug("looked at")
            return "chatty"

    async def script(context: Context) -> None:
        log.info("one")
        log.info("a %s line", Chatty())

    handler = Talking()
    log.addHandler(handler)
    try:
        found = messages(await lines_of(script))
        assert found[:2] == ["one", "handling one"]
        assert "a chatty line" in found
        assert "handling a chatty line" in found
    finally:
        log.removeHandler(handler)


async def test_what_a_handler_has_put_together_is_not_put_together_again() -> None:
    class Counted:
        looked_at = 0

        def __str__(self) -> str:
            self.looked_at += 1
            return "row 17"

    class Odd(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            record.message = 17  # type: ignore[assignment]
            return "an odd line"

    row = Counted()

    async def script(context: Context) -> None:
        log.info("%s was written", row)
        handler.setFormatter(Odd())
        log.info("%s was read", "row 18")

    handler = logging.StreamHandler(StringIO())
    log.addHandler(handler)
    log.propagate = False
    try:
        assert messages(await lines_of(script)) == ["row 17 was written", "row 18 was read"]
        assert row.looked_at == 1
    finally:
        log.propagate = True
        log.removeHandler(handler)


async def test_lines_after_the_end_of_the_attempt_are_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept: list[Context] = []

    async def script(context: Context) -> None:
        kept.append(context)

    async with running(container_for(script)) as manager:
        info = await run_to_end(manager, Work())
        kept[0].log("too late")
        kept[0].log("too late again")
        assert len(await manager.get_logs(info.id)) == 0
    assert caplog.text.count("after its attempt was over") == 1


async def test_lines_after_the_worker_has_declared_the_end_are_kept() -> None:
    async def script(context: Context) -> None:
        context.set_status(BackgroundTaskStatus.COMPLETED)
        await asyncio.sleep(0)
        context.log("tidying up")

    async with running(container_for(script)) as manager:
        task_id = await manager.run_task(Work())
        found = await manager.get_logs(task_id)
        async with asyncio.timeout(10):
            while not found:
                await asyncio.sleep(0.001)
                found = await manager.get_logs(task_id)
        assert messages(found) == ["tidying up"]


@pytest.mark.parametrize("level", ["loud", "", 20, None])
async def test_another_level_is_refused_by_its_value(level: Any) -> None:
    async def script(context: Context) -> None:
        with pytest.raises(ValueError, match=r"level is .*; accepted: 'debug', 'info'"):
            context.log("x", level=level)
        with pytest.raises(TypeError, match="message is 7; give a text"):
            context.log(7)  # type: ignore[arg-type]
        context.log("x", level="ERROR")

    (line,) = await lines_of(script)
    assert line.level == "error"


# What is kept


async def test_of_too_many_lines_the_newest_are_kept() -> None:
    async def script(context: Context) -> None:
        for number in range(1_500):
            context.log(str(number))

    async with running(container_for(script)) as manager:
        found = await log_of(manager)
        assert (found.first, found.last) == (501, 1_500)
        assert messages(found)[:2] == ["500 lines were dropped here", "500"]
        assert len(found) == 1_001


@pytest.mark.parametrize("count", [100_000, pytest.param(10_000_000, marks=pytest.mark.long)])
async def test_however_much_a_task_logs_its_file_stays_small(count: int, tmp_path: Path) -> None:
    def script(context: Context) -> None:
        for number in range(count):
            context.log(f"row {number}")

    container = container_for(script)
    container.config.from_dict({"database": str(tmp_path / "tasks.db")})
    container.clock.reset_override()
    async with container.manager() as manager:
        task_id = await manager.run_task(Work())
        await manager.wait_for(task_id)
        found = await manager.get_logs(task_id)
        assert (found.first, found.last) == (count - 999, count)
        assert messages(found)[1] == f"row {count - 1_000}"
    assert bytes_in(tmp_path) < 8_000_000


async def test_what_a_type_keeps_is_an_option() -> None:
    async def script(context: Context) -> None:
        for number in range(5):
            context.log(f"{number}")
            log.debug("fine")

    logs = Logs(level="debug", lines=3)
    assert messages(await lines_of(script, logs=logs))[1:] == ["fine", "4", "fine"]
    assert messages(await lines_of(script, logs=Logs(level="WARNING"))) == []
    assert await lines_of(script, logs=None) == ()
    async with running(container_for(script, logs=None)) as manager:
        assert len(await log_of(manager)) == 0


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [
        ("level", "LOUD", "one of 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'"),
        ("level", 20, "one of"),
        ("lines", 0, "1 to 100,000"),
        ("lines", 1.5, "a whole number"),
        ("lines", True, "1 to 100,000"),
        ("size", 10, "1,024 to 16,777,216"),
        ("size", None, "1,024 to"),
    ],
)
def test_a_bad_option_is_refused_by_name(option: str, value: Any, accepted: str) -> None:
    with pytest.raises(SettingsError, match=rf"Logs: {option}=.*{accepted}"):
        Logs(**{option: value})


def test_logs_that_are_none_are_refused() -> None:
    bad: Any = 100
    container = container_of(background_task(Work, worker_of(Failing(0).run), logs=bad))
    with pytest.raises(SettingsError, match=r"logs=100; expected Logs\(...\) or None"):
        container.registry()


@pytest.mark.parametrize("after", [-1, 2**53 + 1, 1.0, True, "7"])
async def test_a_bad_number_is_refused(after: Any) -> None:
    async with running(container_for(Failing(0).run)) as manager:
        with pytest.raises(QueryError, match="after is"):
            await manager.get_logs(UUID(int=7), after)


async def test_before_the_start_nothing_can_be_read() -> None:
    with pytest.raises(ManagerStateError):
        await container_for(Failing(0).run).manager().get_logs(UUID(int=7))


# What logging is left as


async def test_a_filter_of_the_logger_decides_what_is_kept_and_what_it_says() -> None:
    def no_passwords(record: logging.LogRecord) -> bool:
        record.msg = str(record.msg).replace("hunter2", "***")
        return "private" not in record.msg

    async def script(context: Context) -> None:
        log.info("the password is hunter2")
        log.info("something private")
        logging.getLogger("tests.app.part").warning("private, and of another logger")

    log.addFilter(no_passwords)
    try:
        assert messages(await lines_of(script)) == [
            "the password is ***",
            "private, and of another logger",
        ]
    finally:
        log.removeFilter(no_passwords)


async def test_levels_and_filters_of_handlers_are_for_these_alone() -> None:
    heard: list[str] = []

    class Hearing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    async def script(context: Context) -> None:
        log.info("below its level")
        log.error("filtered")
        log.error("heard")

    handler = Hearing(logging.ERROR)
    handler.addFilter(lambda record: record.getMessage() != "filtered")
    log.addHandler(handler)
    try:
        assert messages(await lines_of(script)) == ["below its level", "filtered", "heard"]
        assert heard == ["heard"]
    finally:
        log.removeHandler(handler)


async def test_the_applications_logging_stays_as_it_is() -> None:
    root, way = logging.getLogger(), logging.Logger.callHandlers
    handlers, level, factory = list(root.handlers), root.level, logging.getLogRecordFactory()

    async def script(context: Context) -> None:
        assert (root.handlers, root.level) == (handlers, level)
        assert logging.getLogRecordFactory() is factory

    async with running(container_for(script)) as manager:
        assert (await run_to_end(manager, Work())).error_message is None
    assert logging.Logger.callHandlers is way


async def test_two_managers_in_one_process_share_it() -> None:
    async def script(context: Context) -> None:
        log.info("here")

    way = logging.Logger.callHandlers
    async with running(container_for(script)) as one:
        async with running(container_for(script)) as other:
            assert messages(await log_of(other)) == ["here"]
        assert messages(await log_of(one)) == ["here"]
    assert logging.Logger.callHandlers is way


async def test_what_another_library_has_put_around_the_handlers_stays_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []

    def put_around(name: str) -> Any:
        inner = logging.Logger.callHandlers

        def outer(logger: logging.Logger, record: logging.LogRecord) -> None:
            heard.append(name)
            inner(logger, record)

        monkeypatch.setattr(logging.Logger, "callHandlers", outer)
        return outer

    async def script(context: Context) -> None:
        log.info("here")

    async def is_kept_once() -> None:
        heard.clear()
        assert messages(await log_of(manager)) == ["here"]

    first = put_around("first")
    async with running(container_for(script)) as manager:
        await is_kept_once()
        assert heard == ["first"]
        inner = logging.Logger.callHandlers
        second = put_around("second")
        await is_kept_once()
        assert heard == ["second", "first"]
    assert logging.Logger.callHandlers is second
    async with running(container_for(script)) as manager:
        await is_kept_once()
        assert heard == ["second", "first"]
    monkeypatch.setattr(logging.Logger, "callHandlers", inner)
    async with running(container_for(script)) as manager:
        await is_kept_once()
        assert heard == ["first"]
    assert logging.Logger.callHandlers is first


async def test_loggers_that_do_not_propagate_are_heard_and_this_library_is_not() -> None:
    quiet = logging.getLogger("tests.quiet")
    quiet.propagate = False

    async def script(context: Context) -> None:
        quiet.warning("here")
        logging.getLogger("bgtasks.anything").error("of our own")

    assert messages(await lines_of(script)) == ["here"]


async def test_an_attempt_that_has_ended_is_not_kept_by_its_log() -> None:
    kept: list[Any] = []

    async def script(context: Context) -> None:
        context.log("x")
        kept.append(weakref.ref(context.task))

    async with running(container_for(script)) as manager:
        gc.collect()
        gc.disable()
        try:
            await run_to_end(manager, Work())
            await until(lambda: kept[0]() is None)
        finally:
            gc.enable()

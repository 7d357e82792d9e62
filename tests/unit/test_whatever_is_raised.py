"""Every attempt that ends has an outcome, a closed scope and a free slot, whatever was raised.

FAULTS 1, 4.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import BackgroundWorker, Retry, background_task
from bgtasks.clock import Timing
from bgtasks.testing import run_worker
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    OtherWork,
    Work,
    clock_of,
    container_of,
    done,
    running,
    worker_of,
)


class PanicError(BaseException):
    """As a Rust extension raises it."""


class UnreadableError(Exception):
    """Nothing of it can be read."""

    def __str__(self) -> str:
        raise PanicError

    __repr__ = __str__


class ForeignTextError(Exception):
    """Its message is a text that behaves like none."""

    class Text(str):
        def __len__(self) -> int:
            raise PanicError

    def __str__(self) -> str:
        return self.Text("as it was")


class NoCauseError(Exception):
    """Asking for its cause raises."""

    @property
    def __cause__(self) -> BaseException | None:
        raise PanicError

    @__cause__.setter
    def __cause__(self, _: BaseException | None) -> None: ...


class NoClassError(Exception):
    """``isinstance`` of it raises."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise PanicError


class EmptyError(Exception):
    """A collection of errors, of which there are none: it counts as false."""

    def __len__(self) -> int:
        return 0


class NoTruthError(Exception):
    """Asking whether it is true raises."""

    def __bool__(self) -> bool:
        raise PanicError


class Unnamed(type):
    """A class of classes without names."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise PanicError


class UnnamedError(Exception, metaclass=Unnamed):
    """Its class has no name that can be asked for."""


def strange_syntax_error() -> BaseException:
    error = SyntaxError("bad")
    error.filename, error.lineno, error.offset = "x.py", 1, "one"  # type: ignore[assignment]
    error.text = 42  # type: ignore[assignment]
    return error


def noted() -> BaseException:
    error = ValueError("noted")
    error.__notes__ = 42  # type: ignore[assignment]
    return error


WHATEVER: dict[str, Callable[[], BaseException]] = {
    "a panic": lambda: PanicError("boom"),
    "a skip": lambda: pytest.skip.Exception("skipped"),
    "GeneratorExit": GeneratorExit,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(3),
    "a group": lambda: BaseExceptionGroup("several", [PanicError("a"), KeyboardInterrupt()]),
    "RecursionError": RecursionError,
    "MemoryError": MemoryError,
    "no text": UnreadableError,
    "a foreign text": ForeignTextError,
    "no cause": NoCauseError,
    "no class": NoClassError,
    "no name": UnnamedError,
    "no truth": lambda: NoTruthError("neither true nor false"),
    "false": lambda: EmptyError("counts as false"),
    "a strange SyntaxError": strange_syntax_error,
    "strange notes": noted,
    "CancelledError": asyncio.CancelledError,
}


def raising_worker(error: Callable[[], BaseException], where: str) -> providers.Provider[Any]:
    def script(_context: Context) -> None:
        raise error()

    async def async_script(_context: Context) -> None:
        raise error()

    return worker_of(async_script if where == "async" else script)


def raising_dependency(
    error: Callable[[], BaseException], where: str, log: list[str], how: str = "factory"
) -> providers.Provider[Any]:
    when, kind = where.split()

    def open_it() -> Iterator[str]:
        if when == "opens":
            raise error()
        yield "dependency"
        raise error()

    async def open_async() -> AsyncIterator[str]:
        await asyncio.sleep(0)
        if when == "opens":
            raise error()
        yield "dependency"
        raise error()

    def other() -> Iterator[str]:
        yield "other"
        log.append("closed")

    class Built(BackgroundWorker[Work, None]):
        def __init__(self, *_dependencies: str) -> None:
            if when == "built":
                raise error()

        async def execute(self, context: Context) -> None:
            assert when == "closes"

    opener: Any = open_async if kind == "async" else open_it
    if when == "built":
        opener = log_only if kind == "sync" else log_only_async
    dependency = providers.ContextLocalResource(opener)
    maker = providers.Callable if how == "callable" else providers.Factory
    return maker(Built, providers.ContextLocalResource(other), dependency)


def log_only() -> Iterator[str]:
    yield "nothing"


async def log_only_async() -> AsyncIterator[str]:
    yield "nothing"


ONE_SLOT = {"max_concurrency": 1, "stop_grace": 0}


async def failed_and_free(worker: providers.Provider[Any]) -> str:
    """Run Work with ``worker``: it has failed, and the only slot is free for another task."""
    container = container_of(
        background_task(Work, worker), background_task(OtherWork, worker_of(done)), **ONE_SLOT
    )
    async with running(container) as manager:
        first, second = await manager.run_task(Work()), await manager.run_task(OtherWork())
        info = await manager.wait_for(first, PATIENCE)
        assert (await manager.wait_for(second, PATIENCE)).status is Status.COMPLETED
        assert manager.health().running == 0
    assert (info.status, info.attempt) == (Status.FAILED, 1)
    assert info.error_message
    return info.error_message


@pytest.mark.parametrize("what", WHATEVER)
@pytest.mark.parametrize("where", ["async", "sync"])
async def test_whatever_execute_raises_is_a_failure(what: str, where: str) -> None:
    await failed_and_free(raising_worker(WHATEVER[what], where))


# dependency-injector opens these resources in tasks of its own, and asyncio ends the event loop
# for whatever task raises one of these.
ENDS_THE_LOOP = ("KeyboardInterrupt", "SystemExit")


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (where, what)
        for where in ("opens sync", "opens async", "closes sync", "closes async", "built sync")
        for what in WHATEVER
        if where != "opens async" or what not in ENDS_THE_LOOP
    ],
)
async def test_whatever_a_dependency_raises_is_a_failure_and_the_others_are_closed(
    what: str, where: str
) -> None:
    log: list[str] = []
    await failed_and_free(raising_dependency(WHATEVER[what], where, log))
    assert log == ["closed"]


@pytest.mark.parametrize("how", ["factory", "callable"])
@pytest.mark.parametrize("what", WHATEVER)
async def test_whatever_a_constructor_raises_after_an_async_dependency_opened_is_a_failure(
    what: str, how: str
) -> None:
    log: list[str] = []
    await failed_and_free(raising_dependency(WHATEVER[what], "built async", log, how))
    assert log == ["closed"]


@pytest.mark.parametrize("how", ["a list", "a singleton of the context", "a choice"])
async def test_what_dependency_injector_forgets_is_not_waited_for_without_a_bound(how: str) -> None:
    """It hands on what is an Exception; for a panic it answers nothing at all."""
    raised = asyncio.Event()

    class Panics:
        def __init__(self, _dependency: str) -> None:
            raised.set()
            raise PanicError

    dependency = providers.ContextLocalResource(log_only_async)
    maker: Any = {
        "a list": lambda: providers.List(providers.Factory(Panics, dependency)),
        "a singleton of the context": lambda: providers.ContextLocalSingleton(Panics, dependency),
        "a choice": lambda: providers.Selector(
            providers.Object("it"), it=providers.Factory(Panics, dependency)
        ),
    }[how]
    container = container_of(background_task(Work, providers.Factory(Built, maker())))
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        await asyncio.wait_for(raised.wait(), PATIENCE)
        await asyncio.sleep(0)
        clock_of(container).advance(Timing().built_within)
        info = await manager.wait_for(task_id, PATIENCE)
    assert info.status is Status.FAILED
    assert "Exception in callback" in (info.error_message or "")


async def test_a_worker_whose_dependencies_go_round_in_a_circle_is_a_failure() -> None:
    one = providers.ContextLocalResource(log_only)
    two = providers.ContextLocalResource(log_only, one)
    container = container_of(background_task(Work, providers.Factory(Built, two)))
    async with running(container) as manager:
        one.set_args(two)
        info = await manager.wait_for(await manager.run_task(Work()), PATIENCE)
    assert info.status is Status.FAILED


class Built(BackgroundWorker[Work, None]):
    """Needs something."""

    def __init__(self, _need: object) -> None: ...

    async def execute(self, context: Context) -> None: ...


async def test_what_can_be_said_of_an_exception_is_said() -> None:
    def message(what: str) -> Any:
        return failed_and_free(raising_worker(WHATEVER[what], "sync"))

    assert await message("a panic") == "boom"
    assert await message("no text") == "UnreadableError"
    assert await message("a foreign text") == "as it was"
    assert await message("no name") == "UnnamedError"
    assert await message("no truth") == "neither true nor false"
    assert await message("false") == "counts as false"
    assert await message("StopIteration") == "StopIteration"


@pytest.mark.parametrize("error", [EmptyError, NoTruthError])
async def test_an_exception_that_is_not_true_is_retried_where_its_type_is_listed(
    error: type[Exception],
) -> None:
    retry = Retry(2, backoff=0, on=(error,))
    container = container_of(background_task(Work, raising_worker(error, "async"), retry=retry))
    async with running(container) as manager:
        info = await manager.wait_for(await manager.run_task(Work()), PATIENCE)
    assert (info.status, info.attempt) == (Status.FAILED, 2)
    assert info.error_message == error.__name__


@pytest.mark.parametrize("what", ["false", "no truth"])
@pytest.mark.parametrize("where", ["closes sync", "closes async"])
async def test_an_exception_out_of_closing_that_is_not_true_is_told(what: str, where: str) -> None:
    message = await failed_and_free(raising_dependency(WHATEVER[what], where, []))
    assert message == str(WHATEVER[what]())


async def test_an_exception_that_counts_as_false_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await failed_and_free(raising_worker(WHATEVER["false"], "async"))
    assert "EmptyError: counts as false" in caplog.text


@pytest.mark.parametrize("what", ["no cause", "no truth"])
@pytest.mark.parametrize("where", ["async", "sync"])
async def test_the_log_survives_an_exception_that_cannot_be_formatted(
    what: str, where: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    await failed_and_free(raising_worker(WHATEVER[what], where))
    assert "cannot be formatted" in caplog.text
    assert "Logging error" not in capsys.readouterr().err


async def test_a_retry_whose_exception_class_cannot_be_compared_is_the_end() -> None:
    class Incomparable(type):
        def __instancecheck__(cls, instance: object) -> bool:
            raise PanicError

    class IncomparableError(Exception, metaclass=Incomparable):
        pass

    def fail(_context: Context) -> None:
        raise ValueError("the reason")

    retry = Retry(max_attempts=3, on=IncomparableError)
    run = await run_worker(
        container_of(background_task(Work, worker_of(fail), retry=retry)), Work()
    )
    assert (run.info.status, run.info.error_message) == (Status.FAILED, "the reason")


async def test_an_error_handler_of_the_log_that_raises_costs_no_outcome() -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise PanicError

    handler, log = Raising(), logging.getLogger("bgtasks.execution")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        await failed_and_free(raising_worker(WHATEVER["a panic"], "async"))
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


async def test_ctrl_c_while_a_worker_is_at_work_reaches_the_host_and_the_task_waits_again() -> None:
    """The worker did not raise this: it is a stop, which the host hears of as ever."""
    heard: list[int] = []
    host_hears = asyncio.Event()

    def handler(number: int, _frame: object) -> None:
        heard.append(number)
        if len(heard) == 1:
            raise KeyboardInterrupt
        host_hears.set()

    async def script(_context: Context) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, handler)
    try:
        run = await run_worker(container_of(background_task(Work, worker_of(script))), Work())
        await asyncio.wait_for(host_hears.wait(), PATIENCE)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT] * 2
    assert run.info.status is Status.PENDING


def test_ctrl_c_with_pythons_own_handler_ends_the_program_and_not_the_task() -> None:
    statuses: list[Status] = []
    told = asyncio.Event()

    async def script(_context: Context) -> None:
        signal.raise_signal(signal.SIGINT)

    async def program() -> None:
        run = await run_worker(container_of(background_task(Work, worker_of(script))), Work())
        statuses.append(run.info.status)
        told.set()
        await asyncio.Event().wait()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    loop = asyncio.new_event_loop()
    try:
        main = loop.create_task(program())
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(main)
        loop.run_until_complete(asyncio.wait_for(told.wait(), PATIENCE))
        main.cancel()
        loop.run_until_complete(asyncio.gather(main, return_exceptions=True))
    finally:
        loop.close()
        signal.signal(signal.SIGINT, before)
    assert statuses == [Status.PENDING]


def test_a_coroutine_that_is_thrown_away_with_its_loop_waits_for_nothing() -> None:
    """No "coroutine ignored GeneratorExit", which would be a warning here, thus an error."""

    async def open_it() -> AsyncIterator[str]:
        yield "dependency"

    class Hangs(BackgroundWorker[Work, None]):
        def __init__(self, _dependency: str) -> None: ...

        async def execute(self, context: Context) -> None:
            begun.set()
            await asyncio.Event().wait()

    async def program() -> None:
        dependency = providers.ContextLocalResource(open_it)
        worker = providers.Factory(Hangs, dependency)
        container = container_of(background_task(Work, worker))
        left.append(asyncio.get_running_loop().create_task(run_worker(container, Work())))
        await asyncio.wait_for(begun.wait(), PATIENCE)

    begun = asyncio.Event()
    left: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(program())
    tasks = asyncio.all_tasks(loop)
    loop.close()
    for task in tasks:
        cast("Any", task.get_coro()).close()
        vars(asyncio.Task)["_log_destroy_pending"].__set__(task, False)


def test_the_innermost_raise_tells_a_worker_from_the_terminal() -> None:
    from bgtasks.execution.own_task import is_from_terminal

    def caught(call: Callable[[], object]) -> KeyboardInterrupt:
        try:
            call()
        except KeyboardInterrupt as error:
            return error
        raise AssertionError

    def own() -> None:
        raise KeyboardInterrupt

    assert not is_from_terminal(caught(own))
    assert is_from_terminal(caught(lambda: signal.default_int_handler(signal.SIGINT, None)))
    assert sys.version_info >= (3, 11)


# Closing (FAULTS 4)


def beating_client(log: list[str]) -> Any:
    """A client whose closing awaits a task of its own that it has cancelled."""

    async def client(_other: str) -> AsyncIterator[str]:
        beat = asyncio.create_task(asyncio.sleep(3600))
        yield "client"
        beat.cancel()
        await beat

    async def other() -> AsyncIterator[str]:
        yield "other"
        log.append("closed")

    class Counts(BackgroundWorker[Work, None]):
        def __init__(self, _client: str) -> None: ...

        async def execute(self, context: Context) -> None:
            log.append("worked")
            if context.task.text:
                raise ValueError(context.task.text)

    need = providers.ContextLocalResource(other)
    return providers.Factory(Counts, providers.ContextLocalResource(client, need))


@pytest.mark.parametrize("text", ["", "the worker's own"])
async def test_a_cancelled_error_out_of_closing_is_one_failure_and_the_rest_is_closed(
    text: str,
) -> None:
    log: list[str] = []
    async with running(container_of(background_task(Work, beating_client(log)))) as manager:
        info = await manager.wait_for(await manager.run_task(Work(text=text)), PATIENCE)
    assert log == ["worked", "closed"]
    assert (info.status, info.attempt) == (Status.FAILED, 1)
    assert (info.error_message or "").startswith(text or "A dependency that was being closed")


async def test_a_worker_that_cancels_its_own_task_and_returns_has_completed() -> None:
    """The cancel that it left behind hits neither its dependencies nor its outcome."""
    log: list[str] = []

    async def other() -> AsyncIterator[str]:
        yield "other"
        await asyncio.sleep(0)
        log.append("closed")

    class CancelsItself(BackgroundWorker[Work, None]):
        def __init__(self, _other: str) -> None: ...

        async def execute(self, context: Context) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    worker = providers.Factory(CancelsItself, providers.ContextLocalResource(other))
    async with running(container_of(background_task(Work, worker))) as manager:
        info = await manager.wait_for(await manager.run_task(Work()), PATIENCE)
    assert (info.status, log) == (Status.COMPLETED, ["closed"])

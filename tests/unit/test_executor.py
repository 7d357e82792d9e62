"""The attempts of one process, without a store."""

import asyncio
import contextvars
import gc
import weakref
from uuid import UUID

import pytest

from bgtasks.clock import Timing
from bgtasks.core.events import Completed, Ended, Failed, Reported
from bgtasks.core.record import TaskRecord
from bgtasks.execution.executor import Executor
from bgtasks.registry import Registry
from tests.hosts.scripted import (
    PATIENCE,
    Context,
    Gate,
    Script,
    Work,
    clock_of,
    container_for,
    until,
)

host_variable: contextvars.ContextVar[str] = contextvars.ContextVar("host_variable")


class Harness:
    """An executor that keeps what it would have saved."""

    def __init__(self, script: Script) -> None:
        container = container_for(script)
        self.registry: Registry = container.registry()
        self.codec, self.clock = container.codec(), clock_of(container)
        self.saved: list[Reported | Ended] = []
        self.executor = Executor(self.registry, self.codec, self.clock, Timing(), 0.2, self._save)

    def _save(self, _task_id: UUID, event: Reported | Ended) -> None:
        self.saved.append(event)

    def start(self, record: TaskRecord) -> "asyncio.Future[Ended]":
        ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.executor.start(record, ended.set_result)
        return ended

    def record(self, type_name: str = "Work", attempt: int = 1) -> TaskRecord:
        task, now = Work(), self.clock.now()
        data = self.codec.encode_task(task)
        return TaskRecord(task.id, type_name, "work", data, now, now, attempt=attempt)


async def test_an_attempt_begins_in_an_empty_context() -> None:
    seen: list[str] = []

    async def script(_context: Context) -> None:
        seen.append(host_variable.get("nothing"))

    host_variable.set("a request")
    harness = Harness(script)
    ended = await harness.start(harness.record())
    assert (ended.outcome, seen) == (Completed(), ["nothing"])


async def test_cancelling_another_attempt_of_the_same_task_leaves_this_one_alone() -> None:
    gate = Gate()
    harness = Harness(gate)
    record = harness.record(attempt=2)
    ended = harness.start(record)
    await gate.begun.wait()
    harness.executor.cancel(record.id, 1)
    harness.executor.cancel(Work().id, 2)
    gate.open.set()
    assert (await asyncio.wait_for(ended, PATIENCE)).outcome == Completed()


async def test_a_claim_of_an_unregistered_type_is_a_failure() -> None:
    harness = Harness(Gate())
    ended = await harness.start(harness.record("Gone"))
    assert ended.outcome == Failed("no worker is registered for Gone")


@pytest.mark.parametrize("in_a_thread", [False, True])
async def test_a_burst_of_reports_is_saved_as_few(in_a_thread: bool) -> None:
    gate = Gate()

    async def script(context: Context) -> None:
        for percent in range(1, 101):
            if in_a_thread:
                await asyncio.to_thread(context.report_progress, percent)
            else:
                context.report_progress(percent)
        await gate(context)

    harness = Harness(script)
    ended = harness.start(harness.record())
    await gate.begun.wait()
    await asyncio.sleep(0)
    harness.clock.advance(1.0)
    assert len(harness.saved) <= 2
    last = harness.saved[-1]
    assert isinstance(last, Reported)
    assert last.report.progress == 100.0
    gate.open.set()
    await asyncio.wait_for(ended, PATIENCE)
    harness.clock.advance(1.0)
    assert all(event is not ended.result() for event in harness.saved)


async def test_nothing_of_an_attempt_waits_for_the_garbage_collector() -> None:
    left: list[weakref.ref[object]] = []

    async def script(context: Context) -> None:
        token = context.cancellation_token
        left.append(weakref.ref(context.task))
        context.report_progress(50.0)
        assert not token.is_cancellation_requested

    harness = Harness(script)
    gc.collect()
    gc.disable()
    try:
        await harness.start(harness.record())
        await until(lambda: not any(item() for item in left))
    finally:
        gc.enable()

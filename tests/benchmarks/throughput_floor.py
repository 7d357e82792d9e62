"""run→Completed by hand: the durable writes of one task and ``create_task``, no library.

One writer thread with group commit on the schema of bgtasks, told in two ways:

- ``two_writes``: accepted and claimed in one statement, and completed. These are the durable
  writes that bgtasks makes for a task that nobody waits before.
- ``three_writes``: accepted, claimed, completed, as most queues do it.

Each write is committed before what follows from it: the start of the coroutine after the claim,
the caller's going on after the completion.
"""

import asyncio
import queue
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from measuring import CHECKOUT, answer, new_database, rate_of, scaled

STEPS = sorted((CHECKOUT / "bgtasks/backends/embedded/sql").glob("[0-9]*.sql"))

INSERT = """
INSERT INTO tasks (sequence, id, type, name, data, owner, priority, status, progress, payload,
                   status_message, error_message, created_at, changed_at, started_at,
                   completed_at, scheduled_at, due_at, revision, attempt, failures,
                   interruptions, cancel_requested)
VALUES (?, ?, 'NoopTask', 'NoopTask', '{}', NULL, 0, ?, 0.0, NULL, ?, NULL, ?, ?, ?,
        NULL, NULL, NULL, ?, ?, 0, 0, 0)
"""
CLAIM = """
UPDATE tasks SET status = 'Running', attempt = 1, started_at = ?, changed_at = ?,
                 status_message = NULL, revision = 2
 WHERE sequence = ? AND status = 'Pending' AND attempt = 0
"""
COMPLETE = """
UPDATE tasks SET status = 'Completed', progress = 100.0, completed_at = ?, changed_at = ?,
                 revision = 3
 WHERE sequence = ? AND status = 'Running' AND attempt = 1
"""


class Writer(threading.Thread):
    """Whatever waits when a commit begins goes into it; then all its callers are told at once."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self.connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        for step in STEPS:
            self.connection.executescript(step.read_text("utf-8"))
        self.loop = asyncio.get_running_loop()
        self.waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.start()

    def write(self, statement: str, values: tuple[Any, ...]) -> asyncio.Future[None]:
        committed = self.loop.create_future()
        self.waiting.put((statement, values, committed))
        return committed

    def run(self) -> None:
        while (first := self.waiting.get()) is not None:
            batch = [first]
            while not self.waiting.empty():
                batch.append(self.waiting.get())
            self.connection.execute("BEGIN IMMEDIATE")
            # All writes of a kind in one call: a third faster than one call for each. No task
            # has two writes in one batch, since each waits for the one before it.
            for statement in (INSERT, CLAIM, COMPLETE):
                self.connection.executemany(
                    statement, [values for kind, values, _ in batch if kind is statement]
                )
            self.connection.execute("COMMIT")
            self.loop.call_soon_threadsafe(self.tell, [committed for *_, committed in batch])

    @staticmethod
    def tell(committed: list[asyncio.Future[None]]) -> None:
        for future in committed:
            future.set_result(None)


async def noop() -> None:
    """The worker."""


async def measure(writes: int, before: int, tasks: int) -> tuple[float, float]:
    """Tasks per second and CPU time of each in microseconds, after ``before`` others."""
    writer = Writer(new_database())
    sequence = 0

    async def run_one() -> None:
        nonlocal sequence
        sequence += 1
        mine, new_id, now = sequence, uuid.uuid4().bytes, time.time_ns() // 1000
        if writes == 2:
            running = (mine, new_id, "Running", None, now, now, now, 2, 1)
            await writer.write(INSERT, running)
        else:
            pending = (mine, new_id, "Pending", "Pending", now, now, None, 1, 0)
            await writer.write(INSERT, pending)
            now = time.time_ns() // 1000
            await writer.write(CLAIM, (now, now, mine))
        await asyncio.create_task(noop())
        now = time.time_ns() // 1000
        await writer.write(COMPLETE, (now, now, mine))

    await rate_of(run_one, before)
    cpu = time.process_time()
    rate = await rate_of(run_one, tasks)
    cpu_us = (time.process_time() - cpu) / tasks * 1e6
    writer.waiting.put(None)
    writer.join()
    (completed,) = writer.connection.execute(
        "SELECT count(*) FROM tasks WHERE status = 'Completed'"
    ).fetchone()
    assert completed == sequence
    return rate, cpu_us


async def main() -> None:
    two_writes, two_writes_cpu = await measure(2, scaled(2_000), scaled(20_000))
    three_writes, three_writes_cpu = await measure(3, scaled(2_000), scaled(20_000))
    answer(
        two_writes=two_writes,
        two_writes_cpu_us=two_writes_cpu,
        three_writes=three_writes,
        three_writes_cpu_us=three_writes_cpu,
    )


if __name__ == "__main__":
    asyncio.run(main())

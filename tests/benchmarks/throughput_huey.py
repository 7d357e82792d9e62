"""enqueue→result with Huey's SqliteHuey: 100 calling threads and its consumer in one process.

Two ways to wait for a result, the better one counts: Huey's own, which polls the database, and
a `SIGNAL_COMPLETE` handler that wakes the caller, which needs the consumer in the same process.
One consumer thread was the fastest of 1, 2, 4 and 10, and the fewest threads are used for
nothing else: they would all wait for SQLite's one write lock.
"""

import logging
import os
import threading
from typing import Any

from huey import SqliteHuey
from huey.signals import SIGNAL_COMPLETE
from measuring import answer, new_database, rate_in_threads, scaled

# WAL is its default; fsync=True is synchronous=FULL, as everyone here has it.
huey = SqliteHuey("benchmark", filename=str(new_database()), fsync=True, timeout=60)
waiting: dict[str, threading.Event] = {}


@huey.task()
def noop() -> bool:
    """The worker. Huey doesn't store a result of ``None``."""
    return True


@huey.signal(SIGNAL_COMPLETE)
def wake(_signal: str, task: Any) -> None:
    completed = waiting.get(task.id)
    if completed is not None:
        completed.set()


def run_and_poll() -> None:
    noop().get(blocking=True, backoff=1.05, max_delay=0.02)


def run_and_be_woken() -> None:
    task = noop.s()
    completed = waiting[task.id] = threading.Event()
    huey.enqueue(task)
    completed.wait()
    del waiting[task.id]


def main() -> None:
    logging.getLogger("huey").setLevel(logging.ERROR)
    consumer = huey.create_consumer(
        workers=1,
        worker_type="thread",
        initial_delay=0.001,  # how often it looks for work: the default of 0.1 s is for idle hours
        max_delay=0.005,
        periodic=False,
        check_worker_health=False,
    )
    consumer.start()
    rate_in_threads(run_and_be_woken, 100)
    woken = rate_in_threads(run_and_be_woken, scaled(2_000))
    polled = rate_in_threads(run_and_poll, scaled(1_000))
    answer(best=max(woken, polled), woken=woken, polled=polled)
    os._exit(0)  # its threads would go on looking for work


main()

"""1,000,000 finished tasks kept: what a page of `get_tasks` costs, a count, and submitting another
one, and how much memory it takes.

Two managers in one process, on 1,000 tasks and on 1,000,000, are asked the same questions by
turns; neither runs tasks. The files are made by the library and filled by SQL, in a process of
their own, with rows as it would have written them: running a million tasks would take minutes and
measure the same.
"""

import asyncio
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host import NoopTask, application
from measuring import QUICK, answer, compare_counts, compare_submitting, new_database

from bgtasks import BackgroundTaskManager

FEW = 1_000
MANY = 100_000 if QUICK else 1_000_000
TURNS = 50

OWNERS = [None, "ada", "grace", "linus"]
STATUSES = ["Completed"] * 8 + ["Failed", "Cancelled"]

INSERT = """
INSERT INTO tasks (id, type, name, data, owner, priority, status, progress, payload,
                   status_message, error_message, created_at, changed_at, started_at,
                   completed_at, scheduled_at, due_at, revision, attempt, failures,
                   interruptions, cancel_requested)
VALUES (?, ?, ?, ?, ?, 0, ?, 100.0, ?, ?, NULL, ?, ?, ?, ?, NULL, NULL, 3, 1, 0, 0, 0)
"""


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Finished tasks of two types, most of them completed, of three owners and of nobody."""
    now = time.time_ns() // 1000
    for number in range(count):
        at = now - (count - number)
        yield (
            number.to_bytes(8) + os.urandom(8),
            "OtherTask" if number % 3 == 0 else "NoopTask",
            f"Copy movie {number}.mkv",
            f'{{"source":"/in/{number}.mkv","destination":"/out/{number}.mkv"}}',
            OWNERS[number % 7 % 4],
            STATUSES[number % 10],
            '{"copiedBytes":100,"totalBytes":100,"currentPath":null}',
            f"movie {number}.mkv",
            at,
            at + 3,
            at + 1,
            at + 3,
        )


async def fill(database: Path, count: int) -> None:
    async with application(database).background_tasks.manager():
        pass  # creates the file with its schema
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        connection.executemany(INSERT, rows(count))
    connection.close()


def filled(count: int) -> Path:
    """A new file with so many tasks, filled by another process to leave no trace in this one."""
    database = new_database()
    subprocess.run([sys.executable, __file__, "--fill", database, str(count)], check=True)
    return database


def resident_mb() -> float:
    """Memory of this process that is in RAM now; where /proc is missing, the most there was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


async def middle_of(manager: BackgroundTaskManager, count: int) -> str | None:
    """The cursor of the page in the middle, by walking there as a client would."""
    cursor = None
    for _ in range(max(count // 2_000, 10)):
        page = await manager.get_tasks(limit=min(count // 20, 1_000), cursor=cursor)
        cursor = page.next_cursor
    return cursor


def questions(middle: str | None) -> dict[str, dict[str, Any]]:
    """What is asked; each has a full page of 50 as its answer, with few tasks and with many."""
    return {
        "first": {},
        "middle": {"cursor": middle},
        "type": {"type": "OtherTask"},
        "status": {"status": "Failed"},
        "owner": {"owner": "ada"},
        "owner_or_nobody": {"owner": ["ada", None]},
        "type_and_status": {"type": "NoopTask", "status": ["Completed", "Cancelled"]},
    }


async def time_of(manager: BackgroundTaskManager, question: dict[str, Any]) -> float:
    started = time.perf_counter()
    page = await manager.get_tasks(**question)
    taken = time.perf_counter() - started
    assert len(page.items) == 50
    return taken * 1000


async def compare(few: BackgroundTaskManager, many: BackgroundTaskManager, mb: float) -> None:
    few_asked = questions(await middle_of(few, FEW))
    many_asked = questions(await middle_of(many, MANY))
    figures: dict[str, float] = {}
    for name in few_asked:
        few_taken, many_taken = [], []
        for _ in range(TURNS):
            few_taken.append(await time_of(few, few_asked[name]))
            many_taken.append(await time_of(many, many_asked[name]))
        figures[f"{name}_few_ms"] = statistics.median(few_taken)
        figures[f"{name}_many_ms"] = statistics.median(many_taken)
    growth = resident_mb() - mb
    figures |= await compare_counts(few, many)
    figures |= await compare_submitting(few, many, NoopTask)
    answer(**figures, growth_mb=growth, tasks=MANY)


async def main() -> None:
    few_file, many_file = filled(FEW), filled(MANY)
    async with application(few_file, run_tasks=False).background_tasks.manager() as few:
        # Everything that a manager needs at all is loaded before memory is looked at.
        for question in questions(await middle_of(few, FEW)).values():
            await few.get_tasks(**question)
        mb = resident_mb()
        async with application(many_file, run_tasks=False).background_tasks.manager() as many:
            await compare(few, many, mb)


if "--fill" in sys.argv:
    asyncio.run(fill(Path(sys.argv[-2]), int(sys.argv[-1])))
else:
    asyncio.run(main())

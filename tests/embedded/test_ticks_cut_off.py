"""A process that is killed in the middle of the transaction of a tick."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.hosts.processes import environment

PATIENCE = 60.0
SECOND = 1_000_000

BETWEEN = {
    "the beginning and the task": "BEFORE INSERT ON tasks WHEN NEW.schedule IS NOT NULL",
    "the task and the set": "BEFORE UPDATE OF last_tick ON schedules",
    "the set and the commit": "BEFORE INSERT ON schedule_ticks",
}

FOR_EVER = """
CREATE TRIGGER stuck {where} BEGIN
    SELECT count(*) FROM (
        WITH RECURSIVE up(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM up) SELECT x FROM up);
END
"""

STUCK = 1.0
"""Seconds without a moment in which another connection could write; a commit takes hundredths."""


@contextmanager
def ticking(database: Path) -> Iterator["subprocess.Popen[str]"]:
    """The application in a process of its own, killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hosts.ticking_app"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(HOST_DATABASE=str(database)),
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def until_stuck(file: sqlite3.Connection) -> None:
    """Wait until the process does not come out of its transaction."""
    deadline, since = time.monotonic() + PATIENCE, time.monotonic()
    while time.monotonic() - since < STUCK:
        assert time.monotonic() < deadline, "no tick was submitted"
        try:
            file.execute("BEGIN IMMEDIATE")
            file.execute("ROLLBACK")
            since = time.monotonic()
        except sqlite3.OperationalError:  # locked
            pass
        time.sleep(0.02)


def stored(file: sqlite3.Connection) -> tuple[int, int, int]:
    """The tick that is waited for, how many tasks there are and how many ticks have come."""
    (row,) = file.execute(
        "SELECT next_tick, (SELECT count(*) FROM tasks), (SELECT count(*) FROM schedule_ticks) "
        "FROM schedules"
    )
    return int(row[0]), int(row[1]), int(row[2])


@pytest.mark.parametrize("between", BETWEEN)
def test_what_was_not_committed_has_not_come_and_is_made_up_for(
    tmp_path: Path, between: str
) -> None:
    database = tmp_path / "tasks.db"
    with ticking(database):
        pass
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as file:
        file.execute(FOR_EVER.format(where=BETWEEN[between]))
        with ticking(database) as victim:
            until_stuck(file)
            before = stored(file)
            victim.kill()
            victim.wait()
        assert stored(file) == before
        file.execute("DROP TRIGGER stuck")
        with ticking(database):
            deadline = time.monotonic() + PATIENCE
            while stored(file)[1] < before[1] + 3:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        tasks = file.execute("SELECT tick, missed FROM tasks ORDER BY tick").fetchall()
    ticks = [tick for tick, _ in tasks]
    assert len(set(ticks)) == len(ticks), "a tick has two tasks"
    came = (ticks[-1] - ticks[0]) // SECOND + 1
    assert came == len(ticks) + sum(missed for _, missed in tasks[1:])

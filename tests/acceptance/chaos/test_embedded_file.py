"""The file of the embedded backend under faults at random: another program locks it, its disk is
full for a time, the process stands still, the process is killed."""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.test_kill import (
    FINAL,
    Stored,
    check,
    live,
    read_log,
    stored,
    wait_until_started,
)

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits of another process: Linux only"
)

LIVES = 3
FAULTS = 5
"""In each life of the process, which ends by being killed."""

Harm = Callable[[int, Path, float], None]
"""Done to a process and its file, for so many seconds."""


def locked(_: int, database: Path, seconds: float) -> None:
    """Another program writes."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def read_for_long(_: int, database: Path, seconds: float) -> None:
    """Another program reads, so that the log cannot be emptied."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM tasks").fetchone()
        time.sleep(seconds)


def disk_full(process: int, database: Path, seconds: float) -> None:
    """No file of the process can grow."""
    log = database.with_name(f"{database.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
    time.sleep(seconds)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))


def stands_still(process: int, _: Path, seconds: float) -> None:
    """As a laptop that sleeps."""
    os.kill(process, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process, signal.SIGCONT)


HARMS: list[Harm] = [locked, locked, read_for_long, disk_full, disk_full, stands_still]


def one_life(database: Path, log: Path, seed: int, faults: int, longest: float) -> None:
    """From a start to a kill."""
    chance = random.Random(seed)
    with piped(log) as pipe, live(database, pipe, "load", seed) as host:
        wait_until_started(host)
        for _ in range(faults):
            harm, seconds = chance.choice(HARMS), chance.random() ** 2 * longest
            print(f"{harm.__name__} for {seconds:.2f} s")
            harm(host.pid, database, seconds)
            time.sleep(chance.random() * 0.2)
            assert host.poll() is None, host.communicate()
        host.kill()
        _, errors = host.communicate()
    assert "never retrieved" not in errors, errors[-5000:]


@contextmanager
def piped(log: Path) -> Iterator[Path]:
    """What is written into this goes to the end of ``log`` by way of another process, which has
    room on its disk. All of it is there when this is left and nobody writes any more."""
    pipe = log.with_suffix(".pipe")
    os.mkfifo(pipe)
    with log.open("ab") as file, subprocess.Popen(["cat", pipe], stdout=file) as copying:
        try:
            yield pipe
            copying.wait(10)
        finally:
            copying.kill()
            pipe.unlink()


def suffer(folder: Path, lives: int, faults: int, longest: float) -> None:
    """Many lives; then one in which everything that is left is done."""
    seed = int(os.environ.get("BGTASKS_SEED") or time.time())
    print(f"BGTASKS_SEED={seed}")
    database, log = folder / "tasks.db", folder / "told.log"
    before: dict[str, Stored] = {}
    for life in range(lives):
        one_life(database, log, seed + life, faults, longest)
        after = stored(database)
        check(before, after, *read_log(log))
        before = after
    with live(database, log, "drain") as host:
        output, errors = host.communicate(timeout=90)
    assert host.returncode == 0, output + errors
    after = stored(database)
    check(before, after, *read_log(log))
    assert {task.status for task in after.values()} <= FINAL
    refused = {line.split()[1] for line in log.read_text().splitlines() if "refused" in line}
    assert not refused & after.keys(), "what was refused is not there"
    print(f"{len(after)} tasks, {len(refused)} refused")


def test_fifteen_faults(tmp_path: Path) -> None:
    suffer(tmp_path, LIVES, FAULTS, longest=1.0)


@pytest.mark.long
def test_two_hundred_faults_some_of_them_longer_than_is_waited_for(tmp_path: Path) -> None:
    suffer(tmp_path, 20, 10, longest=12)

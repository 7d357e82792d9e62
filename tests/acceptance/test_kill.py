"""Real processes are killed with work in flight; then the database and the clients are asked."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from tests.hosts.processes import environment, launch, serving

KILLS = [14, pytest.param(32, marks=pytest.mark.long)]
FINAL = {"Completed", "Failed", "Cancelled"}


class Stored(NamedTuple):
    status: str
    revision: int
    attempt: int
    interruptions: int


def live(database: Path, log: Path, mode: str, seed: int = 0) -> "subprocess.Popen[str]":
    """One life of the host."""
    return launch("kill_host", database, log, mode, seed, stderr=subprocess.PIPE)


def run_beside(database: Path, script: str) -> None:
    """Do something with a manager of the host that runs nothing, in a process of its own."""
    code = (
        "import asyncio, sys; from tests.hosts.load_app import *\n"
        "async def main():\n"
        "    app = Application()\n"
        "    app.config.from_dict({'background_tasks':"
        " {'database': sys.argv[1], 'run_tasks': False}})\n"
        "    async with app.background_tasks.manager() as manager:\n"
        f"        {script}\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", code, str(database)]
    subprocess.run(command, check=True, timeout=60, env=environment())


def wait_until_started(host: "subprocess.Popen[str]") -> None:
    assert host.stdout is not None
    line = host.stdout.readline()
    if line != "started\n":
        host.kill()
        raise AssertionError(f"the host did not start: {host.communicate()[1]}")


def stored(database: Path) -> dict[str, Stored]:
    """Every task in the file of a host that is dead."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT id, status, revision, attempt, interruptions FROM tasks"
        ).fetchall()
        history = Counter(
            dict(
                connection.execute(
                    "SELECT id, count(*) FROM tasks JOIN attempts "
                    "ON task = sequence AND outcome = 'interrupted' GROUP BY id"
                )
            )
        )
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for row in rows:
        # An orderly stop is in the history, and not counted.
        assert history[row[0]] >= row[4], "every interruption is in the history, once"
    return {str(UUID(bytes=row[0])): Stored(*row[1:]) for row in rows}


class Told(NamedTuple):
    revision: int
    status: str
    attempt: int


def read_log(log: Path) -> tuple[set[str], dict[str, Told]]:
    """Which ids were accepted, and the final snapshot that each task was announced with."""
    accepted: set[str] = set()
    finals: dict[str, Told] = {}
    text = log.read_text()
    for line in text.splitlines():
        what, task_id, *rest = line.split()
        if what == "accepted":
            accepted.add(task_id)
        if what != "told":
            continue
        told = Told(int(rest[0]), rest[1], int(rest[2]))
        assert task_id not in finals, f"settled twice: {finals[task_id]} and {told}"
        finals[task_id] = told
    return accepted, finals


def check(
    before: dict[str, Stored], after: dict[str, Stored], accepted: set[str], finals: dict[str, Told]
) -> None:
    assert accepted <= after.keys(), f"lost: {accepted - after.keys()}"
    assert finals.keys() <= after.keys()
    for task_id, told in finals.items():
        now = after[task_id]
        assert (now.revision, now.status, now.attempt) == told, "a final that was told is final"
    for task_id, old in before.items():
        now = after[task_id]
        assert now.revision >= old.revision
        assert now.attempt >= old.attempt
        if old.status in FINAL:
            assert now == old
        assert (now == old) or now.revision > old.revision


@pytest.mark.parametrize("kills", KILLS)
def test_whenever_the_process_is_killed_nothing_is_lost_stuck_or_settled_twice(
    tmp_path: Path, kills: int
) -> None:
    database, log = tmp_path / "tasks.db", tmp_path / "told.log"
    seed = int(os.environ.get("BGTASKS_SEED") or time.time())
    print(f"BGTASKS_SEED={seed}")
    chance = random.Random(seed)
    before: dict[str, Stored] = {}
    cut_off = 0
    for life in range(kills):
        host = live(database, log, "load", seed + life)
        with host:
            if chance.random() < 0.85:
                wait_until_started(host)
                time.sleep(chance.random() ** 2 * 0.7)
            else:  # while it opens the file, recovers, or has hardly begun
                time.sleep(0.2 + chance.random() * 0.4)
            host.kill()
        assert host.returncode == -signal.SIGKILL, host.stderr
        if not log.exists():
            continue
        after = stored(database)
        check(before, after, *read_log(log))
        cut_off += sum(item.status == "Running" for item in after.values())
        before = after
    assert cut_off >= kills // 4, "the kills are meant to come while tasks run"

    host = live(database, log, "drain")
    output, errors = host.communicate(timeout=90)
    assert host.returncode == 0, output + errors
    after = stored(database)
    accepted, finals = read_log(log)
    check(before, after, accepted, finals)
    assert len(accepted) > 6 * kills
    assert {item.status for item in after.values()} <= FINAL
    # What was committed as final in the instant of a kill could not be told to anybody.
    untold = after.keys() - finals.keys()
    assert len(untold) <= len(after) // 4, f"{len(untold)} of {len(after)}"
    assert sum(item.interruptions for item in after.values()) >= kills // 4


def test_nothing_is_running_in_the_file_without_a_runner_after_a_restart(tmp_path: Path) -> None:
    database, log = tmp_path / "tasks.db", tmp_path / "told.log"
    with live(database, log, "load", 1) as host:
        wait_until_started(host)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if log.exists() and len(log.read_text()) > 5_000:
                break
            time.sleep(0.01)
        host.kill()
    left = {task_id for task_id, item in stored(database).items() if item.status == "Running"}
    assert left
    run_beside(database, "assert not (await manager.get_tasks(status='Running')).items")
    after = stored(database)
    assert {after[task_id].status for task_id in left} <= {"Pending", "Cancelled"}


def test_a_task_that_kills_its_process_has_failed_after_the_third_time(tmp_path: Path) -> None:
    database, log = tmp_path / "tasks.db", tmp_path / "told.log"
    run_beside(database, "await manager.run_tasks([PoisonTask(), QuickTask()])")
    lives: list[int] = []
    while len(lives) < 6:
        with live(database, log, "drain") as host:
            host.communicate(timeout=60)
        lives.append(host.returncode)
        if host.returncode == 0:
            break
    assert lives == [-signal.SIGKILL] * 3 + [0]
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT type, status, attempt, interruptions, error_message FROM tasks ORDER BY type"
        ).fetchall()
    poison, innocent = rows
    assert poison[:4] == ("PoisonTask", "Failed", 3, 3)
    assert "Interrupted 3 times" in poison[4]
    assert innocent[:2] == ("QuickTask", "Completed")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_does_so_in_time_and_goes_on_later(
    tmp_path: Path, stop: signal.Signals
) -> None:
    database, log = tmp_path / "tasks.db", tmp_path / "told.log"
    with serving("server_host", database, log, 60) as host:
        assert host.said() == "working"
        began = time.monotonic()
        host.process.send_signal(stop)
        host.process.wait(30)
        took = time.monotonic() - began
    assert took < 8, "the grace is half a second"
    (waiting,) = stored(database).values()
    assert (waiting.status, waiting.interruptions) == ("Pending", 0)
    with serving("server_host", database, log, 0) as host:
        assert host.said() == "working"
        deadline = time.monotonic() + 20
        while not (log.exists() and read_log(log)[1]) and time.monotonic() < deadline:
            time.sleep(0.01)
        host.process.send_signal(stop)
        host.process.wait(30)
    (done,) = stored(database).values()
    assert (done.status, done.attempt) == ("Completed", 2)

"""Unique tasks of real processes, which submit at once or are killed at the wrong moment."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.hosts.processes import environment


@contextmanager
def hosts(database: str, *modes: str) -> "Iterator[Sequence[subprocess.Popen[str]]]":
    """Hosts that are ready to submit."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.hosts.unique_host", database, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for mode in modes
    ]
    try:
        for host in started:
            assert host.stdout is not None
            assert host.stdout.readline() == "ready\n"
        yield started
    finally:
        for host in started:
            host.kill()
            host.communicate()


def go(started: "Sequence[subprocess.Popen[str]]") -> list[list[str]]:
    """Have all of them submit; what each one was told."""
    for host in started:
        assert host.stdin is not None
        host.stdin.write("go\n")
        host.stdin.flush()
    return [host.communicate(timeout=60)[0].split() for host in started]


def test_of_800_equal_submissions_of_four_processes_one_is_accepted(task_database: str) -> None:
    with hosts(task_database, *["submit"] * 4) as started:
        told = go(started)
    assert sum(int(accepted) for accepted, *_ in told) == 1
    assert len({task_id for _, *ids in told for task_id in ids}) == 1


def test_who_repeats_a_submission_after_a_kill_gets_the_id_of_the_first(database: str) -> None:
    with hosts(database, "die") as started:
        assert go(started) == [[]]
        assert started[0].returncode == -9
    told = []
    for _ in range(2):
        with hosts(database, "once") as started:
            told += go(started)
    (first, second) = told
    assert first == second
    assert first[0] == "0", "the killed process's task was accepted"

"""Hooks that are told of ends, in real processes that share a database or die of it."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.processes import environment

PATIENCE = 60.0


@contextmanager
def host(database: str, mode: str, said: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A host whose lines go to the end of a file."""
    with said.open("ab") as file:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.hosts.settled_host", database, mode],
            stdin=subprocess.PIPE,
            stdout=file,
            env=environment(),
        )
    try:
        yield started
        started.communicate(b"end\n", timeout=PATIENCE)
    finally:
        started.kill()
        started.communicate()


def told(said: Path) -> Sequence[tuple[str, ...]]:
    """The id of each task that a host was told of, its status, and the error."""
    lines = said.read_text().splitlines()
    return [tuple(line.split(maxsplit=3)[1:]) for line in lines if line.startswith("told ")]


def wait_until_told(said: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len({task for task, *_ in told(said)}) < count:
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.05)


def test_each_end_is_told_once_by_one_of_all_processes(task_database: str, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with host(task_database, "run", said), host(task_database, "run", said):
        with host(task_database, "submit", said):
            wait_until_told(said, 40)
        wait_until_told(said, 40)
    tasks = Counter(task for task, *_ in told(said))
    assert (len(tasks), set(tasks.values())) == (40, {1})
    outcomes = Counter(end[1:] for end in told(said))
    assert outcomes == {("Completed", "None"): 20, ("Failed", "no route"): 20}


def test_who_dies_of_being_told_is_followed_by_another(database: str, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with host(database, "die", said) as first:
        assert first.wait(PATIENCE) == -9
    assert told(said) == []
    with host(database, "run", said):
        wait_until_told(said, 1)
    ((_, *outcome),) = told(said)
    assert outcome == ["Failed", "no route"]

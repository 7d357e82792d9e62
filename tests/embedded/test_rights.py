"""Whose files they are: readable by their owner alone, from the first byte on (FAULTS 29)."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.testing import FakeClock
from bgtasks.testing.conformance import BackendBench
from bgtasks.testing.conformance_types import make_registry
from tests.contract.homes import FileHome

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the rights of POSIX")

WRITER = """
import asyncio, json, os, sys
from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.testing import FakeClock
from bgtasks.testing.conformance_types import make_registry

path = sys.argv[1]
at_open = {}

def watch(event, arguments):
    if event == "sqlite3.connect":
        name = str(arguments[0])
        if os.path.exists(name):
            at_open.setdefault(os.path.basename(name), os.stat(name).st_mode & 0o777)
        elif name.startswith("/"):
            at_open.setdefault(os.path.basename(name), "not there")

async def main():
    backend = EmbeddedBackend(path, make_registry(), FakeClock())
    await backend.start()
    folder = os.path.dirname(path)
    print(json.dumps([at_open, {
        name: os.stat(os.path.join(folder, name)).st_mode & 0o777 for name in os.listdir(folder)
    }]))
    await backend.stop()

os.umask(int(sys.argv[2], 8))
sys.addaudithook(watch)
asyncio.run(main())
"""


@pytest.mark.parametrize("umask", ["000", "022", "077", "277"])
def test_every_file_is_private_from_its_first_byte_whatever_the_umask(
    tmp_path: Path, umask: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "tasks.db"), umask],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    at_open, afterwards = json.loads(result.stdout)
    assert at_open == {"tasks.db": 0o600, "tasks.db-lock": 0o600}
    assert {"tasks.db", "tasks.db-wal", "tasks.db-shm", "tasks.db-lock"} <= afterwards.keys()
    assert set(afterwards.values()) == {0o600}


def mode(path: Path | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116


async def test_a_wider_lock_of_an_older_release_is_narrowed(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    lock = tmp_path / "tasks.db-lock"
    lock.touch()
    lock.chmod(0o644)
    backend = EmbeddedBackend(str(path), make_registry(), FakeClock())
    await backend.start()
    assert mode(lock) == 0o600
    await backend.stop()


async def test_a_wider_database_of_an_older_release_keeps_its_rights_and_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tasks.db"
    backend = EmbeddedBackend(str(path), make_registry(), FakeClock())
    await backend.start()
    await backend.stop()
    assert "can be read by every user" not in caplog.text
    path.chmod(0o644)  # somebody may have meant it
    await backend.start()
    assert f"{path} can be read by every user of this computer (mode 0644)" in caplog.text
    await backend.stop()
    assert mode(path) == 0o644


async def test_a_second_manager_that_is_refused_does_not_let_go_of_the_first_ones_lock(
    tmp_path: Path,
) -> None:
    """Closing any handle of a file lets go of the locks that the process has on it."""
    home = FileHome(tmp_path)
    bench = BackendBench(home)
    await bench.open()
    path = str(home.path)
    for _ in range(3):
        with pytest.raises(Exception, match="is in use"):
            await EmbeddedBackend(path, make_registry(), FakeClock()).start()
    assert taken_by_another_process(f"{path}-lock") == "locked\n"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (0,)
    await bench.close()


LOCK = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN EXCLUSIVE")
except sqlite3.OperationalError:
    print("locked")
"""


def taken_by_another_process(lock: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", LOCK, lock], capture_output=True, text=True, check=False
    )
    return result.stdout

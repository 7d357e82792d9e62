"""Numbered steps of the file's tables: older files open and run, whatever kills a step.

FAULTS 34.
"""

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.backends.embedded.contents import FileContents
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.embedded.migrations import MIGRATIONS, SCHEMA_VERSION, migrate, version_of
from bgtasks.backends.statements import Migration
from bgtasks.errors import SchemaVersionError
from bgtasks.testing import FakeClock

FILES = Path(__file__).with_name("files")


@frozen
class Copied:
    copied_bytes: int
    note: str | None = None


@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    """As the release that wrote the file had it."""

    source: str
    fail: bool = False
    slow: bool = False


class CopyWorker(BackgroundWorker[CopyTask, Copied]):
    async def execute(self, context: BackgroundWorkerContext[CopyTask, Copied]) -> None:
        context.report_progress(50)


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """What release 0.1.0 left behind when it was killed: tasks in every state."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FILES / "version_1.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


async def test_a_file_of_the_first_release_opens_and_runs(old_file: Path) -> None:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(CopyTask, providers.Factory(CopyWorker)))
    )
    container.config.from_dict({"database": str(old_file), "retention": None})
    clock = FakeClock(datetime(2026, 12, 1, tzinfo=UTC))
    container.clock.override(clock)
    async with container.manager() as manager:
        page = list(await manager.get_tasks(limit=1000))
        assert len(page) == 10
        oldest_first = page[::-1]
        for index in (4, 5, 6):  # running, waiting, waiting
            info = await manager.wait_for(oldest_first[index].id, 10)
            assert info.status is Status.COMPLETED
        statuses = [item.status for item in (await manager.get_tasks(limit=1000))][::-1]
        assert statuses[:4] == [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.PENDING]
        assert statuses[7:] == [Status.PENDING] * 3
        done = await manager.try_get_task(oldest_first[0].id)
        assert done is not None
        assert done.payload == Copied(4, "ä")
        (failure,) = await manager.get_attempts(oldest_first[1].id)
        assert failure.error is not None
        assert failure.error.message == "disk on fire"
        assert (await manager.wait_for(oldest_first[4].id, 10)).attempt == 2
        clock.advance(24 * 3600 * 3650)
        for index in (3, 7, 8):  # those that waited for their time
            info = await manager.wait_for(oldest_first[index].id, 10)
            assert info.status is Status.COMPLETED
        assert [item.status for item in await manager.get_tasks(type="GoneTask")] == ["Pending"]


def schema_of(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA application_id").fetchone() == (0x62677473,)
        assert version_of(connection) == SCHEMA_VERSION
    return [(name, " ".join((sql or "").split())) for name, sql in found]


def test_an_older_file_becomes_what_a_new_one_is(old_file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    for path in (old_file, new):
        open_database(str(path)).close()
    assert schema_of(old_file) == schema_of(new)


def test_a_step_that_fails_changes_nothing(old_file: Path) -> None:
    steps = [
        *MIGRATIONS,
        Migration(
            SCHEMA_VERSION + 1,
            "broken",
            "CREATE TABLE extra (a); DELETE FROM tasks; SELECT nonsense;",
        ),
    ]
    with closing(open_database(str(old_file))) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nonsense"):
            migrate(connection, steps)
        assert version_of(connection) == SCHEMA_VERSION
        assert not connection.in_transaction
        assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (10,)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'extra'")
        assert tables.fetchone() is None


KILLED = """
import os, shutil, signal, sqlite3, sys
from contextlib import closing
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.embedded.migrations import MIGRATIONS, SCHEMA_VERSION, migrate, version_of
from bgtasks.backends.statements import Migration

REBUILD = Migration(SCHEMA_VERSION + 1, "rebuild", '''
    CREATE TABLE kept (number INTEGER PRIMARY KEY, status TEXT);
    INSERT INTO kept SELECT sequence, status FROM tasks;
    CREATE INDEX kept_by_status ON kept (status);
    ALTER TABLE attempts ADD COLUMN note TEXT;
    UPDATE attempts SET note = 'moved';
''')
source, path, rebuild = sys.argv[1], sys.argv[2], sys.argv[3] == "rebuild"
steps = [*MIGRATIONS, REBUILD] if rebuild else MIGRATIONS
kill_at = None

seen = []

def trace(statement):
    seen.append(statement)
    if len(seen) == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

def connect(*arguments, **options):
    connection = connect_really(*arguments, **options)
    if kill_at is not None:
        connection.set_trace_callback(trace)
    return connection

connect_really, sqlite3.connect = sqlite3.connect, connect

def prepared():
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    if os.path.exists(source):
        shutil.copy(source, path)

def opened():
    if not rebuild:
        return open_database(path)
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, steps)
    return connection

killed = 0
while True:
    prepared()
    kill_at = killed + 1
    child = os.fork()
    if child == 0:
        opened().close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    kill_at = None
    with closing(opened()) as connection:
        assert version_of(connection) == steps[-1].number
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        print(connection.execute("SELECT count(*) FROM tasks").fetchone()[0], flush=True)
        if rebuild:
            (kept,) = connection.execute("SELECT count(*) FROM kept").fetchone()
            assert kept == connection.execute("SELECT count(*) FROM tasks").fetchone()[0]
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    killed += 1
print("killed", killed)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
@pytest.mark.parametrize("case", ["an old file", "a new file", "rebuild"])
def test_a_process_that_is_killed_after_any_statement_leaves_a_file_that_opens(
    old_file: Path, tmp_path: Path, case: str
) -> None:
    source = tmp_path / "nothing" if case == "a new file" else old_file
    result = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(tmp_path / "killed.db"), case],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    *counts, last = result.stdout.splitlines()
    assert set(counts) == {"0" if case == "a new file" else "10"}
    assert int(last.removeprefix("killed ")) >= 15


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        item.name: hashlib.sha256(item.read_bytes()).hexdigest()
        for item in folder.iterdir()
        if "-lock" not in item.name
    }


def test_an_older_file_is_read_without_being_changed(old_file: Path) -> None:
    before = fingerprint(old_file.parent)
    with FileContents(str(old_file)) as contents:
        assert contents.is_any_running()
        kept = [item for batch in contents.batches(3) for item in batch]
    assert [record.sequence for record, _ in kept] == list(range(1, 11))
    assert [len(failures) for _, failures in kept] == [0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    assert [record.delayed for record, _ in kept] == [number == 4 for number in range(1, 11)]
    assert fingerprint(old_file.parent) == before


def test_tables_without_a_version_are_refused_untouched(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection:
        connection.execute("PRAGMA user_version = 0")
    before = fingerprint(old_file.parent)
    with pytest.raises(SchemaVersionError, match="schema version 0, which no release wrote"):
        open_database(str(old_file))
    assert fingerprint(old_file.parent) == before

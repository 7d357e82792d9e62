"""The embedded backend's file: whose it is, what it promises, and what it refuses."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.embedded.migrations import SCHEMA_VERSION
from bgtasks.errors import BackendBusyError, BackendError, SchemaVersionError
from bgtasks.testing import FakeClock
from bgtasks.testing.conformance_types import make_registry

OWNER = """
import asyncio, os, sys
import urllib.parse  # pathlib does so when it is needed; by then root's own Python is out of reach
from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.testing import FakeClock
from bgtasks.testing.conformance_types import make_registry

async def own() -> None:
    backend = EmbeddedBackend(sys.argv[1], make_registry(), FakeClock())
    try:
        await backend.start()
    except Exception as error:
        print(type(error).__name__, error, flush=True)
        return
    print("owner", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await backend.stop()

if "unprivileged" in sys.argv:  # root may write anything
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(own())
"""


def make(path: Path | str) -> EmbeddedBackend:
    return EmbeddedBackend(str(path), make_registry(), FakeClock())


def fingerprint(path: Path) -> dict[str, str]:
    """Every file beside ``path`` and what is in it, but for the empty file that is locked."""
    return {
        item.name: hashlib.sha256(item.read_bytes()).hexdigest()
        for item in path.parent.iterdir()
        if not item.name.endswith("-lock")
    }


def copy_as_a_crash_leaves_it(path: Path, target: Path) -> None:
    """The file with its log while somebody has it open."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{target}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())


def make_read_only(path: Path, what: str) -> list[str]:
    """For whoever is not root; gives back the option with which root becomes somebody else."""
    Path(f"{path}-lock").unlink()
    options = []
    if os.geteuid() == 0:
        options = ["unprivileged"]
        os.chown(path, 65534, 65534)
        os.chown(path.parent, 65534, 65534)
    path.chmod(0o444 if what == "file" else 0o644)
    path.parent.chmod(0o755 if what == "file" else 0o555)
    return options


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can get at, too, which ``tmp_path`` is not."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        yield folder
        folder.chmod(0o755)


def own_in_another_process(path: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database that was written and closed in order."""
    path = tmp_path / "tasks.db"
    backend = make(path)
    await backend.start()
    await backend.stop()
    return path


@pytest.fixture
async def open_backend(path: Path) -> AsyncIterator[EmbeddedBackend]:
    backend = make(path)
    await backend.start()
    yield backend
    await backend.stop()


def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    with closing(open_database(str(tmp_path / "tasks.db"))) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


async def test_the_writing_connection_in_use_is_the_durable_one(
    open_backend: EmbeddedBackend,
) -> None:
    def ask(pragma: str) -> object:
        return open_backend.store.writer.run(
            lambda file: file.connection.execute(f"PRAGMA {pragma}").fetchone()[0]
        )

    assert await ask("journal_mode") == "wal"  # type: ignore[misc]
    assert await ask("synchronous") == 2  # type: ignore[misc]


async def test_a_second_manager_of_this_process_is_refused_and_told_the_way_out(
    path: Path, open_backend: EmbeddedBackend
) -> None:
    assert open_backend
    for _ in range(3):
        with pytest.raises(BackendBusyError, match=f"{path}.*postgresql://"):
            await make(path).start()


async def test_a_link_to_the_file_is_the_same_file(
    path: Path, open_backend: EmbeddedBackend
) -> None:
    assert open_backend
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(BackendBusyError):
        await make(link).start()


async def test_a_second_process_is_refused_and_told_the_way_out(
    path: Path, open_backend: EmbeddedBackend
) -> None:
    assert open_backend
    other = own_in_another_process(path)
    answer, _ = other.communicate(timeout=30)
    assert answer.startswith("BackendBusyError")
    assert "postgresql://" in answer


async def test_the_file_is_free_again_after_a_stop(path: Path) -> None:
    backend = make(path)
    await backend.start()
    await backend.stop()
    await backend.start()
    await backend.stop()
    other = own_in_another_process(path)
    answer, _ = other.communicate("\n", timeout=30)
    assert answer == "owner\n"


async def test_the_file_is_free_again_once_its_owner_was_killed(path: Path) -> None:
    other = own_in_another_process(path)
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "owner\n"
    with pytest.raises(BackendBusyError):
        await make(path).start()
    other.kill()
    other.wait()
    backend = make(path)
    await backend.start()
    await backend.stop()
    other.stdin.close()
    other.stdout.close()


async def test_a_newer_schema_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = fingerprint(path)
    assert list(before) == [path.name]
    with pytest.raises(SchemaVersionError, match=f"schema version {SCHEMA_VERSION + 1}"):
        await make(path).start()
    assert fingerprint(path) == before


async def test_a_newer_schema_that_a_crash_left_in_the_log_is_refused_untouched(
    path: Path, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        copy_as_a_crash_leaves_it(path, left / "tasks.db")
    before = fingerprint(left / "tasks.db")
    with pytest.raises(SchemaVersionError, match="use the newer release"):
        await make(left / "tasks.db").start()
    after = fingerprint(left / "tasks.db")
    assert {name: after[name] for name in ("tasks.db", "tasks.db-wal")} == {
        name: before[name] for name in ("tasks.db", "tasks.db-wal")
    }
    assert after.keys() == before.keys()


async def test_the_file_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "cookies.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE tasks (a)")
        connection.commit()
    before = fingerprint(path)
    with pytest.raises(SchemaVersionError, match="belongs to another program"):
        await make(path).start()
    assert fingerprint(path) == before


async def test_what_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n" * 1000)
    before = fingerprint(path)
    with pytest.raises(SchemaVersionError, match="cannot be read as a bgtasks database"):
        await make(path).start()
    assert fingerprint(path) == before


async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    path.touch()
    backend = make(path)
    await backend.start()
    await backend.stop()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert connection.execute("PRAGMA application_id").fetchone()[0] == 0x62677473


async def test_a_refused_file_can_be_opened_once_the_reason_is_gone(path: Path) -> None:
    backend = make(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(SchemaVersionError):
        await backend.start()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    await backend.start()
    await backend.stop()


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    with pytest.raises(BackendError, match=f"the folder {folder} does not exist"):
        await make(folder / "tasks.db").start()
    assert not folder.exists()


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=str(tmp_path)):
        await make(tmp_path).start()


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_what_may_only_be_read_is_refused_in_words(open_folder: Path, what: str) -> None:
    path = open_folder / "tasks.db"
    backend = make(path)
    await backend.start()
    await backend.stop()
    options = make_read_only(path, what)
    answer, _ = own_in_another_process(path, *options).communicate("\n", timeout=30)
    assert answer.startswith("BackendError")
    assert str(path) in answer
    expected = "the rights" if what == "file" else f"the folder {open_folder} cannot be written"
    assert expected in answer

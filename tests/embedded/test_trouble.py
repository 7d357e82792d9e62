"""A file that cannot be written: said at once, waited for together, nothing lost.

FAULTS 14 and 53.
"""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers

from bgtasks import BackendError, BackgroundTaskManager, BackgroundTasksContainer
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.backends.embedded.backend import EmbeddedBackend
from bgtasks.backends.embedded.patience import Patience
from tests.hosts.scripted import (
    PATIENCE,
    Gate,
    Script,
    Work,
    clock_of,
    container_for,
    done,
    get,
    run_to_end,
)
from tests.hosts.scripted import until as until_

SHORT = Patience(locked=0.5, step=0.02, announce=0.05, probe=0.02, look=0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "tasks.db"


def container_at(
    path: Path, script: Script = done, patience: Patience = SHORT, **options: Any
) -> BackgroundTasksContainer:
    """A container whose file waits less long for whatever holds it."""
    container = container_for(script, **options)
    container.config.from_dict({"database": str(path), "retention": None})
    container.backend.override(
        providers.Factory(
            EmbeddedBackend, str(path), container.registry, container.clock, patience=patience
        )
    )
    return container


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program is in a transaction that writes, such as a backup tool's or a shell's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


async def until(predicate: Any, container: Any = None) -> None:
    """Wait until something has become true; the clock of ``container`` moves on meanwhile."""

    def moved_on() -> bool:
        if container is not None:
            clock_of(container).advance(1)
        return bool(predicate())

    await until_(moved_on)


async def trouble(manager: BackgroundTaskManager) -> str:
    """Wait for health to say what is wrong."""
    await until(lambda: manager.health().trouble)
    return manager.health().trouble or ""


# A file that another program has locked


async def test_all_who_wait_for_a_locked_file_wait_together_and_are_refused(path: Path) -> None:
    async with container_at(path).manager() as manager:
        with locked(path):
            began = time.monotonic()
            refusals = await asyncio.gather(
                *(manager.run_task(Work()) for _ in range(40)), return_exceptions=True
            )
            assert {type(item) for item in refusals} == {BackendError}
            assert "Another program holds it" in str(refusals[0])
            assert time.monotonic() - began < 40 * SHORT.locked / 4  # one after the other: 20 s
            assert "locked by another program" in await trouble(manager)
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED
        await until(lambda: manager.health().trouble is None)
        assert len(list(await manager.get_tasks())) == 1


async def test_whoever_hands_in_while_the_file_is_locked_for_a_moment_is_served(
    path: Path,
) -> None:
    patience = Patience(locked=PATIENCE, step=0.02, announce=0.05, probe=0.02)
    async with container_at(path, patience=patience).manager() as manager:
        with locked(path):
            waiting = [asyncio.ensure_future(manager.run_task(Work())) for _ in range(5)]
            await trouble(manager)
            waiting += [asyncio.ensure_future(manager.run_task(Work())) for _ in range(5)]
            assert not any(item.done() for item in waiting)
        for task_id in await asyncio.gather(*waiting):
            assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED


async def test_pages_can_be_read_while_the_file_is_locked(path: Path) -> None:
    async with container_at(path).manager() as manager:
        task_id = await manager.run_task(Work(), delay=60)
        with locked(path):
            assert (await get(manager, task_id)).status is Status.PENDING
            assert len(list(await manager.get_tasks())) == 1


async def test_how_tasks_ended_while_the_file_was_locked_is_written_afterwards(
    path: Path,
) -> None:
    gate = Gate()
    container = container_at(path, gate)
    async with container.manager() as manager:
        ids = [await manager.run_task(Work()) for _ in range(10)]
        await until(lambda: gate.runs == 10)
        with locked(path):
            gate.open.set()
            with pytest.raises(BackendError):  # longer than the outcomes are waited with
                await manager.run_task(Work())
            await trouble(manager)
        ended = [asyncio.ensure_future(manager.wait_for(item, PATIENCE)) for item in ids]
        await until(lambda: all(item.done() for item in ended), container)
        assert {item.result().status for item in ended} == {Status.COMPLETED}
        assert {item.result().attempt for item in ended} == {1}


async def test_a_lock_that_passes_is_noticed_though_nothing_is_to_be_written(path: Path) -> None:
    async with container_at(path).manager() as manager:
        with locked(path):
            with pytest.raises(BackendError):
                await manager.run_task(Work())
            await trouble(manager)
        await until(lambda: manager.health().trouble is None)


async def test_a_stop_while_the_file_is_locked_is_bounded_and_says_what_it_waits_for(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    container = container_at(path, gate)
    manager = container.manager()
    await manager.start()
    ids = [await manager.run_task(Work()) for _ in range(20)]
    await until(lambda: gate.runs == 20)
    with locked(path):
        waiting = [asyncio.ensure_future(manager.run_task(Work())) for _ in range(20)]
        await trouble(manager)
        gate.open.set()
        began = time.monotonic()
        await asyncio.wait_for(manager.stop(), PATIENCE * 2)
        assert time.monotonic() - began < 40 * SHORT.locked / 4
        refusals = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(item) for item in refusals} == {BackendError}
    assert "the stop waits up to 0.5 seconds for the task database" in caplog.text
    assert caplog.text.count("is lost, it will run again") == 20
    async with container_at(path).manager() as manager:
        for task_id in ids:
            info = await manager.wait_for(task_id, PATIENCE)
            assert (info.status, info.attempt) == (Status.COMPLETED, 2)


async def test_a_stop_that_waits_for_a_lock_writes_everything_once_it_is_gone(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    patience = Patience(locked=PATIENCE * 2, step=0.02, announce=0.05, probe=0.02)
    manager = container_at(path, gate, patience).manager()
    await manager.start()
    task_id = await manager.run_task(Work())
    await gate.begun.wait()
    with locked(path):
        waiting = asyncio.ensure_future(manager.run_task(Work()))
        await trouble(manager)
        gate.open.set()
        stopping = asyncio.create_task(manager.stop())
        await until(lambda: "the stop waits" in caplog.text)
    await asyncio.wait_for(stopping, PATIENCE)
    accepted = await waiting
    async with container_at(path).manager() as manager:
        assert (await get(manager, task_id)).attempt == 1
        assert (await get(manager, task_id)).status is Status.COMPLETED
        assert (await manager.wait_for(accepted, PATIENCE)).status is Status.COMPLETED


# Files that go away


@asynccontextmanager
async def opened(gate: Gate) -> AsyncIterator[None]:
    """At the end it is open, whatever failed: a stop waits for the worker, on a clock that stands
    still."""
    try:
        yield
    finally:
        gate.open.set()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-lock"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
async def test_a_file_that_goes_away_is_said_and_new_tasks_are_refused(
    path: Path, suffix: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    async with container_at(path, gate).manager() as manager, opened(gate):
        task_id = await manager.run_task(Work())
        await gate.begun.wait()
        file, aside = f"{path}{suffix}", f"{path}-aside"
        if how == "replaced":  # in one step: nobody is to see that there is none in between
            os.link(file, aside)
            os.replace(shutil.copy(file, f"{path}-copy"), file)  # noqa: PTH105
        else:
            os.rename(file, aside)  # noqa: PTH104
        assert f"tasks.db{suffix} was {how} while it was in use" in await trouble(manager)
        with pytest.raises(BackendError, match="what is accepted now would be lost"):
            await manager.run_task(Work())
        with pytest.raises(BackendError, match="what is accepted now would be lost"):
            await manager.run_tasks([Work(), Work()])
        gate.open.set()  # what was accepted before goes on
        assert (await manager.wait_for(task_id, PATIENCE)).status is Status.COMPLETED
        os.replace(aside, file)  # noqa: PTH105
        await until(lambda: manager.health().trouble is None)
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED
    assert caplog.text.count(f"was {how} while") >= 1


async def test_a_task_that_comes_right_after_the_file_was_removed_is_refused(path: Path) -> None:
    patience = Patience(look=3600, probe=3600)
    async with container_at(path, patience=patience).manager() as manager:
        await run_to_end(manager, Work())
        os.unlink(path)  # noqa: PTH108
        with pytest.raises(BackendError, match=r"tasks\.db was removed.*restart"):
            await manager.run_task(Work())
        assert "was removed" in (manager.health().trouble or "")


async def test_a_folder_that_goes_away_is_said(path: Path) -> None:
    async with container_at(path).manager() as manager:
        shutil.rmtree(path.parent)
        assert "tasks.db was removed while it was in use" in await trouble(manager)
        with pytest.raises(BackendError, match="would be lost"):
            await manager.run_task(Work())


# Disks that fail

FULL = """
import asyncio, resource, sys
from bgtasks.testing.conformance_types import make_registry
from dependency_injector import providers
from attrs import frozen
from bgtasks import *

@frozen(kw_only=True)
class Work(BackgroundTaskBase):
    text: str = ""

class Worker(BackgroundWorker[Work, None]):
    async def execute(self, context): pass

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def until(what):
    for _ in range(1000):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")

async def main():
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Work, providers.Factory(Worker)))
    )
    container.config.from_dict({"database": sys.argv[1]})
    async with container.manager() as manager:
        await manager.wait_for(await manager.run_task(Work()))
        limit(4096)  # from now on no file grows: as on a full disk, the write itself fails
        try:
            await manager.run_task(Work(text="x" * 100_000))
        except BackendError as error:
            print("refused:", error, flush=True)
        await until(lambda: manager.health().trouble)
        print("trouble:", manager.health().trouble, flush=True)
        limit(resource.RLIM_INFINITY)
        await until(lambda: manager.health().trouble is None)
        info = await manager.wait_for(await manager.run_task(Work()))
        print("again:", info.status.value, flush=True)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the operating system")
def test_a_disk_that_takes_nothing_is_trouble_until_it_takes_something(path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "refused: the task database cannot be written" in result.stdout, result.stderr
    assert "trouble: the task database cannot be written" in result.stdout
    assert "again: Completed" in result.stdout


def damage(path: Path) -> None:
    """Spoil all but the first page."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def mounted(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or not mounted("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)):
        pytest.skip("needs the right to mount a disk")
    yield folder
    while subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0:
        pass


async def test_a_full_disk_is_trouble_also_while_nothing_is_to_be_written(disk: Path) -> None:
    async with container_at(disk / "tasks.db").manager() as manager:
        await run_to_end(manager, Work())
        assert manager.health().trouble is None
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            write(filler, b"x" * 8_000_000)
        assert "full" in await trouble(manager)
        os.unlink(filler)  # noqa: PTH108
        await until(lambda: manager.health().trouble is None)
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED


def write(path: Path, data: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        while data:
            data = data[file.write(data) :]


async def test_a_disk_that_becomes_read_only_is_trouble(disk: Path) -> None:
    async with container_at(disk / "tasks.db").manager() as manager:
        assert manager.health().trouble is None
        assert mounted("--bind", str(disk), str(disk))
        assert mounted("-o", "remount,bind,ro", str(disk))
        assert "read-only" in await trouble(manager)


async def test_a_link_that_is_made_to_name_another_file_is_noticed(path: Path) -> None:
    other = path.with_name("other.db")
    async with container_at(other).manager() as manager:
        await run_to_end(manager, Work())
    link = path.with_name("link.db")
    os.symlink(path, link)  # noqa: PTH211
    async with container_at(link).manager() as manager:
        await run_to_end(manager, Work())
        os.symlink(other, f"{link}2")  # noqa: PTH211
        os.replace(f"{link}2", link)  # noqa: PTH105
        with pytest.raises(BackendError, match=r"link\.db was replaced"):
            await manager.run_task(Work())


async def test_a_damaged_file_is_trouble_until_it_is_opened_anew(path: Path) -> None:
    async with container_at(path).manager() as manager:
        await manager.run_tasks([Work(text="x" * 500) for _ in range(500)], delay=60)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damage(path)
        with pytest.raises(BackendError, match="cannot be read"):
            await manager.get_tasks(limit=1000)
        assert "damaged" in await trouble(manager)
        with pytest.raises(BackendError):
            await manager.run_task(Work())
        assert "damaged" in (manager.health().trouble or "")

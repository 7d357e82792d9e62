"""What the example says of its tasks: one scan of a folder, two copies, a scan each night."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from dependency_injector import providers

from bgtasks import BackgroundTaskManager, BackgroundTaskStatus, BackgroundWorkerContext
from bgtasks.testing import FakeClock, schedule_ticks
from examples.media_library.containers import Application
from examples.media_library.copying import CopyOperationWorker
from examples.media_library.media import MediaFacts, MediaReader
from examples.media_library.settings import SAMPLE_LIBRARY, settings
from examples.media_library.tasks import CopyOperationTask, MetadataScanTask

PATIENCE = 30.0


class Gate:
    """Lets workers in threads go on."""

    def __init__(self) -> None:
        self.open = threading.Event()


class WaitingReader(MediaReader):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def read(self, path: Path) -> MediaFacts:
        assert self._gate.open.wait(PATIENCE)
        return super().read(path)


class WaitingCopy(CopyOperationWorker):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def execute(self, context: BackgroundWorkerContext[Any, Any]) -> None:
        assert self._gate.open.wait(PATIENCE)
        super().execute(context)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def container(tmp_path: Path, gate: Gate) -> Application:
    folder = shutil.copytree(SAMPLE_LIBRARY / "Pictures", tmp_path / "pictures")
    application = Application()
    application.config.from_dict(settings(tmp_path, folder, slow=False))
    application.background_tasks.clock.override(FakeClock(datetime(2026, 3, 28, tzinfo=UTC)))
    application.reader.override(providers.Object(WaitingReader(gate)))
    application.copy_worker.override(providers.Factory(WaitingCopy, gate))
    return application


@pytest.fixture
async def manager(container: Application, gate: Gate) -> AsyncIterator[BackgroundTaskManager]:
    async with container.database().opened(), container.background_tasks.manager() as manager:
        yield manager
        gate.open.set()


async def until_statuses(
    manager: BackgroundTaskManager, ids: list[UUID], expected: list[tuple[str, str | None]]
) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            stored = {
                info.id: (info.status, info.waiting_for) for info in await manager.get_tasks()
            }
            if [stored[task_id] for task_id in ids] == expected:
                return
            await asyncio.sleep(0.01)


def test_the_nightly_scan_comes_at_three_where_the_library_is(container: Application) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    container.config.timezone.from_value("Europe/Berlin")
    ticks = schedule_ticks(
        container.background_tasks,
        "nightly-scan",
        after=datetime(2026, 3, 28, tzinfo=berlin),
        before=datetime(2026, 3, 30, tzinfo=berlin),
    )
    assert [tick.astimezone(berlin).isoformat() for tick in ticks] == [
        "2026-03-28T03:00:00+01:00",
        "2026-03-29T03:00:00+02:00",
    ]


async def test_the_library_is_scanned_at_night(
    container: Application, manager: BackgroundTaskManager, gate: Gate
) -> None:
    gate.open.set()
    container.background_tasks.clock().advance(3 * 3600)
    async with asyncio.timeout(PATIENCE):
        while not (found := (await manager.get_tasks()).items):  # noqa: ASYNC110 - a thread does it
            await asyncio.sleep(0.01)
    (scan,) = found
    done = await manager.wait_for(scan.id, PATIENCE)
    assert (done.type, done.status) == ("MetadataScanTask", BackgroundTaskStatus.COMPLETED)
    assert done.schedule is not None
    assert done.schedule.tick == datetime(2026, 3, 28, 3, tzinfo=UTC)
    assert done.payload is not None
    assert done.payload.files_seen == 4


async def test_a_folder_is_scanned_once_at_a_time_by_hand_and_by_night(
    container: Application, manager: BackgroundTaskManager, gate: Gate, tmp_path: Path
) -> None:
    folder = Path(container.config.folder())
    first = await manager.submit(MetadataScanTask(folder=folder))
    again = await manager.submit(MetadataScanTask(folder=folder))
    other = await manager.submit(MetadataScanTask(folder=tmp_path))
    assert (first.accepted, again.accepted, other.accepted) == (True, False, True)
    assert again.id == first.id

    container.background_tasks.clock().advance(3 * 3600)
    async with asyncio.timeout(PATIENCE):
        while not (ticks := (await manager.get_schedule("nightly-scan")).ticks):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert ticks[0].outcome == "skipped"
    assert str(first.id) in str(ticks[0].message)

    gate.open.set()
    assert (await manager.wait_for(first.id, PATIENCE)).status == "Completed"
    assert (await manager.submit(MetadataScanTask(folder=folder))).accepted


async def test_a_user_has_two_copies_at_once_and_keeps_nobody_waiting(
    container: Application, manager: BackgroundTaskManager, gate: Gate, tmp_path: Path
) -> None:
    folder = Path(container.config.folder())
    ids = [
        await manager.run_task(
            CopyOperationTask(source=folder, destination=tmp_path / f"copy {number}"), owner=owner
        )
        for number, owner in enumerate(["ada", "ada", "ada", "bob"])
    ]
    runs, waits = ("Running", None), ("Pending", "turn")
    await until_statuses(manager, ids, [runs, runs, waits, runs])
    gate.open.set()
    for task_id in ids:
        assert (await manager.wait_for(task_id, PATIENCE)).status == "Completed"
    assert all((tmp_path / f"copy {number}" / "Orbit.gif").exists() for number in range(4))

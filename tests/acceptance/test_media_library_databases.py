"""The example runs unchanged on either database, and PostgreSQL gives it worker processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

sys.path.append(str(Path(__file__).parents[2]))

from examples.media_library.app import create_app
from examples.media_library.containers import Application
from examples.media_library.settings import SAMPLE_LIBRARY, settings
from examples.media_library.tasks import CopyOperationTask, MetadataScanTask

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
CONTAINER = "examples.media_library.configured:container"


@pytest.fixture(params=["a file", pytest.param("PostgreSQL", marks=pytest.mark.postgres)])
def task_store(request: pytest.FixtureRequest) -> str | None:
    """What the one setting says."""
    if request.param == "a file":
        return None
    url: str = request.getfixturevalue("task_database")
    return url


def application_on(data: Path, task_database: str | None, **changes: Any) -> Application:
    (data / "copies").mkdir(parents=True, exist_ok=True)
    application = Application()
    values = settings(data, None, slow=False, task_database=task_database)
    values["background_tasks"].update(changes)
    application.config.from_dict(values)
    return application


@pytest.fixture
def container(tmp_path: Path, task_store: str | None) -> Application:
    return application_on(tmp_path / "data", task_store)


@pytest.fixture
async def client(container: Application) -> AsyncIterator[AsyncClient]:
    app = create_app(container)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        yield client


async def task_when(client: AsyncClient, task_id: str, *statuses: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await client.get(f"/background-tasks/api/tasks/{task_id}")
            task: dict[str, Any] = found.json()
            if task["status"] in statuses:
                return task
            await asyncio.sleep(0.02)


async def test_it_scans_a_library(client: AsyncClient) -> None:
    accepted = await client.post("/scans", json={"folder": str(SAMPLE_LIBRARY)})
    task = await task_when(client, accepted.json()["id"], "Completed")
    assert task["payload"]["filesSeen"] == 14
    assert (await client.get("/library")).json()["total"] == 14
    health = await client.get("/background-tasks/api/health")
    assert health.json() == {"status": "ok"}


async def test_a_copy_can_be_cancelled(
    client: AsyncClient, container: Application, tmp_path: Path
) -> None:
    container.config.copy_bytes_per_second.from_value(1000)
    source = tmp_path / "film.mkv"
    await asyncio.to_thread(source.write_bytes, bytes(100_000))
    form = {"source": str(source), "destination": str(tmp_path / "copy.mkv")}
    task_id = (await client.post("/copies", json=form)).json()["id"]
    await task_when(client, task_id, "Running")
    assert (await client.delete(f"/background-tasks/api/tasks/{task_id}")).status_code == 202
    await task_when(client, task_id, "Cancelled")
    assert await asyncio.to_thread(names_in, tmp_path) == ["data", "film.mkv"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- Processes ----------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path, task_database: str) -> dict[str, str]:
    return {
        **os.environ,
        "MEDIA_LIBRARY_DATABASE": task_database,
        "MEDIA_LIBRARY_DATA": str(tmp_path / "data"),
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "bgtasks", *arguments]


def done(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("worker", CONTAINER),
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_a_worker_process_does_the_work(
    worker: subprocess.Popen[str],
    environment: dict[str, str],
    task_database: str,
    tmp_path: Path,
) -> None:
    """Nobody else runs tasks, and the library's own tables are made by whoever comes first."""
    web = application_on(tmp_path / "data", task_database, run_tasks=False)
    destination = tmp_path / "copy"

    async def hand_in() -> list[str]:
        async with web.background_tasks.manager() as manager:
            tasks = [
                MetadataScanTask(folder=SAMPLE_LIBRARY),
                CopyOperationTask(source=SAMPLE_LIBRARY, destination=destination),
            ]
            ids = [await manager.run_task(task) for task in tasks]
            ended = [await manager.wait_for(task_id, timeout=PATIENCE) for task_id in ids]
            return [info.status.value for info in ended]

    assert asyncio.run(hand_in()) == ["Completed", "Completed"]
    assert len([path for path in destination.rglob("*") if path.is_file()]) == 14
    checked = done(environment, "worker", "--check", CONTAINER)
    assert (checked.returncode, checked.stderr) == (0, "")
    worker.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert worker.wait(PATIENCE) == 0, worker.stderr
    assert time.monotonic() - started < 4, "a connection of the library kept the process"
    checked = done(environment, "worker", "--check", CONTAINER)
    assert checked.returncode == 1


def test_the_tables_are_made_by_a_command(empty_database: str, environment: dict[str, str]) -> None:
    environment["MEDIA_LIBRARY_DATABASE"] = empty_database
    refused = done(environment, "worker", CONTAINER)
    assert refused.returncode == 1
    assert "run: python -m bgtasks database upgrade" in refused.stderr
    assert done(environment, "database", "upgrade", CONTAINER).returncode == 0
    assert done(environment, "database", "check", CONTAINER).returncode == 0


@pytest.mark.parametrize("value", ["tasks.db", "mysql://x/y"])
def test_a_database_that_is_no_postgresql_is_refused(value: str) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "examples.media_library", "--database", value],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert refused.returncode == 2
    assert "--database: expected a postgresql:// URL" in refused.stderr

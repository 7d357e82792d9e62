"""The example's two workers, each run once with no server, and its forms over HTTP."""

import asyncio
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select

sys.path.append(str(Path(__file__).parents[2]))

from bgtasks import BackgroundTaskStatus
from bgtasks.testing import WorkerRun, run_worker
from examples.media_library.app import create_app
from examples.media_library.containers import Application
from examples.media_library.database import MediaFile
from examples.media_library.files import CopyRefusedError
from examples.media_library.media import MediaFacts, MediaReader
from examples.media_library.settings import SAMPLE_LIBRARY, settings
from examples.media_library.tasks import (
    CopyOperationTask,
    CopyProgress,
    MetadataScanTask,
    ScanProgress,
)
from tests.acceptance.kept_connections import connections_over_a_commit

MEGABYTE = 1024 * 1024


@pytest.fixture
def container(tmp_path: Path) -> Application:
    data = tmp_path / "data"
    (data / "copies").mkdir(parents=True)
    application = Application()
    application.config.from_dict(settings(data, None, slow=False))
    return application


@pytest.fixture
async def opened(container: Application) -> AsyncIterator[Application]:
    async with container.database().opened():
        yield container


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A copy of the samples that a test may change."""
    return shutil.copytree(SAMPLE_LIBRARY, tmp_path / "samples")


async def scan(container: Application, folder: Path) -> ScanProgress:
    run = await run_worker(container.background_tasks, MetadataScanTask(folder=folder))
    if run.error:
        raise run.error
    assert run.info.status is BackgroundTaskStatus.COMPLETED
    assert isinstance(run.info.payload, ScanProgress)
    return run.info.payload


def payload_of(run: WorkerRun) -> Any:
    assert run.info.payload is not None
    return run.info.payload


async def rows(container: Application) -> dict[str, MediaFile]:
    async with container.database().session() as session:
        files = await session.scalars(select(MediaFile).order_by(MediaFile.location))
        return {Path(file.path).name: file for file in files}


async def test_a_commit_keeps_the_connection_which_a_stop_could_cut_off_while_it_closes(
    opened: Application,
) -> None:
    async with opened.database().session() as session:
        first, second = await connections_over_a_commit(session)
    assert first is second


# ---- Scanning -----------------------------------------------------------------------------


async def test_a_scan_puts_every_sample_into_the_library(opened: Application) -> None:
    progress = await scan(opened, SAMPLE_LIBRARY)
    assert (progress.files_total, progress.files_seen) == (14, 14)
    assert (progress.read, progress.failed, progress.unchanged) == (13, 1, 0)
    assert progress.total_duration_seconds == pytest.approx(39.6, abs=0.1)
    stored = await rows(opened)
    tones = stored["03 Tremolo at Noon.ogg"]
    assert (tones.title, tones.artist, tones.album) == (
        "Tremolo at Noon",
        "Sine & Sons",
        "Pure Tones",
    )
    assert tones.duration_seconds == pytest.approx(7.0)
    film = stored["Test Pattern.mp4"]
    assert (film.kind, film.width, film.height) == ("video", 320, 180)
    assert stored["Computed Sunset.jpg"].camera == "Example Gradient One"


async def test_a_file_that_cannot_be_read_is_recorded_with_the_reason(opened: Application) -> None:
    await scan(opened, SAMPLE_LIBRARY)
    broken = (await rows(opened))["05 Broken Off.mp3"]
    assert (broken.kind, broken.title, broken.error) == (
        "audio",
        None,
        "no audio found in it; the file is damaged or something else",
    )


async def test_progress_rises_file_by_file(opened: Application) -> None:
    run = await run_worker(opened.background_tasks, MetadataScanTask(folder=SAMPLE_LIBRARY))
    seen = [update.progress for update in run.updates]
    assert seen == sorted(seen)
    assert len(set(seen)) == 15
    assert run.info.name == "Scan sample_library"
    assert run.info.status_message == "13 read, 0 unchanged, 1 unreadable"


async def test_a_second_scan_reads_only_what_changed(opened: Application, samples: Path) -> None:
    first = await scan(opened, samples)
    changed = samples / "Music/Sine & Sons/02 Rising.mp3"
    shutil.copy(samples / "Music/Sine & Sons/01 A Major Morning.mp3", changed)
    (samples / "Pictures/Orbit.gif").unlink()
    second = await scan(opened, samples)
    assert (second.read, second.unchanged, second.removed) == (1, 12, 1)
    stored = await rows(opened)
    assert len(stored) == 13
    assert stored["02 Rising.mp3"].title == "A Major Morning"
    assert second.total_duration_seconds == pytest.approx(first.total_duration_seconds + 1, abs=0.1)


async def test_a_folder_is_the_same_however_it_is_spelled(
    opened: Application, samples: Path, tmp_path: Path
) -> None:
    await scan(opened, samples)
    (tmp_path / "alias").symlink_to(samples)
    assert (await scan(opened, tmp_path / "alias")).unchanged == 14
    assert (await scan(opened, samples / "Music" / "..")).unchanged == 14


async def test_a_mended_file_loses_its_error(opened: Application, samples: Path) -> None:
    await scan(opened, samples)
    shutil.copy(samples / "Music/Sine & Sons/02 Rising.mp3", samples / "05 new.mp3")
    (samples / "05 new.mp3").replace(samples / "Music/Sine & Sons/05 Broken Off.mp3")
    await scan(opened, samples)
    mended = (await rows(opened))["05 Broken Off.mp3"]
    assert (mended.error, mended.title) == (None, "Rising")


async def test_scanning_one_folder_leaves_its_neighbours_alone(
    opened: Application, samples: Path
) -> None:
    # A name that begins like another, and the bytes next to the separator on both sides.
    for name in ("a", "ab", "a.b", "a0"):
        (samples / name).mkdir()
        shutil.copy(samples / "Pictures/Orbit.gif", samples / name / f"{name}.gif")
    await scan(opened, samples)
    (samples / "a" / "a.gif").unlink()
    assert (await scan(opened, samples / "a")).removed == 1
    stored = await rows(opened)
    assert "a.gif" not in stored
    assert {"ab.gif", "a.b.gif", "a0.gif"} <= stored.keys()


async def test_file_names_that_are_no_text(opened: Application, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    await asyncio.to_thread(folder.mkdir)
    for name in (b"caf\xe9.gif", b"caf\xe8.gif", b"a\nb.gif"):
        shutil.copy(SAMPLE_LIBRARY / "Pictures/Orbit.gif", folder / os.fsdecode(name))
    assert (await scan(opened, folder)).read == 3
    assert (await scan(opened, folder)).unchanged == 3
    assert {r"caf\xe9.gif", r"caf\xe8.gif", "a\nb.gif"} == (await rows(opened)).keys()


async def test_an_empty_folder_is_no_error(opened: Application, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert await scan(opened, tmp_path / "empty") == ScanProgress()


async def test_a_missing_folder_is_one(opened: Application, tmp_path: Path) -> None:
    run = await run_worker(opened.background_tasks, MetadataScanTask(folder=tmp_path / "missing"))
    assert run.info.status is BackgroundTaskStatus.FAILED
    assert "No such file or directory" in (run.info.error_message or "")


async def test_a_cancelled_scan_stops_at_once(opened: Application) -> None:
    # With an hour's pause after each file, only the cancellation ends it.
    opened.config.scan_pause.from_value(3600.0)
    run = await run_worker(
        opened.background_tasks,
        MetadataScanTask(folder=SAMPLE_LIBRARY),
        cancel_when=lambda info: info.payload is not None and info.payload.files_total == 14,
    )
    assert run.info.status is BackgroundTaskStatus.CANCELLED
    assert payload_of(run).files_seen == 0


class ThreadReader(MediaReader):
    """Notes in which threads it was asked."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def read(self, path: Path) -> MediaFacts:
        self.threads.add(threading.get_ident())
        return MediaFacts(kind="audio", format=path.suffix)


async def test_files_are_read_in_threads_with_whatever_reader_is_given(
    opened: Application,
) -> None:
    reader = ThreadReader()
    with opened.reader.override(providers.Object(reader)):
        await scan(opened, SAMPLE_LIBRARY)
    assert (await rows(opened))["Test Pattern.mp4"].format == ".mp4"
    assert threading.get_ident() not in reader.threads


# ---- Copying ------------------------------------------------------------------------------


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "movie.mkv"
    path.write_bytes(os.urandom(5 * MEGABYTE // 2))
    return path


async def test_a_copy_reports_bytes_files_and_speed(
    container: Application, film: Path, tmp_path: Path
) -> None:
    destination = film.with_name("copy.mkv")
    run = await run_worker(
        container.background_tasks, CopyOperationTask(source=film, destination=destination)
    )
    assert run.error is None
    assert run.info.status is BackgroundTaskStatus.COMPLETED
    assert contents(tmp_path)["copy.mkv"] == contents(tmp_path)["movie.mkv"]
    assert run.info.name == "Copy movie.mkv"
    copied = [update.payload.copied_bytes for update in run.updates if update.payload]
    assert copied == [MEGABYTE, 2 * MEGABYTE, 5 * MEGABYTE // 2, 5 * MEGABYTE // 2]
    last: CopyProgress = payload_of(run)
    assert (last.copied_files, last.total_files, last.remaining_seconds) == (1, 1, 0.0)
    assert last.bytes_per_second


async def test_a_whole_library_is_copied(container: Application, tmp_path: Path) -> None:
    destination = tmp_path / "copy"
    task = CopyOperationTask(source=SAMPLE_LIBRARY, destination=destination)
    run = await run_worker(container.background_tasks, task)
    assert payload_of(run).total_files == 14
    assert contents(destination) == contents(SAMPLE_LIBRARY)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_cancelled_copy_leaves_nothing(container: Application, film: Path) -> None:
    # So slow that it would take the better part of an hour: only the cancellation ends it.
    container.config.copy_bytes_per_second.from_value(1000)
    run = await run_worker(
        container.background_tasks,
        CopyOperationTask(source=film, destination=film.with_name("copy.mkv")),
        cancel_when=lambda info: info.progress > 0,
    )
    assert run.info.status is BackgroundTaskStatus.CANCELLED
    assert list(film.parent.glob("*.mkv*")) == [film]
    assert list(film.parent.glob(".*")) == []


async def test_a_copy_that_is_refused_fails_and_says_why(
    container: Application, film: Path
) -> None:
    destination = film.with_name("copy.mkv")
    destination.write_text("mine")
    run = await run_worker(
        container.background_tasks, CopyOperationTask(source=film, destination=destination)
    )
    assert isinstance(run.error, CopyRefusedError)
    assert run.info.status is BackgroundTaskStatus.FAILED
    assert run.info.error_message == f"{destination} exists already; it is not overwritten"
    assert destination.read_text() == "mine"


# ---- The forms ----------------------------------------------------------------------------


@pytest.fixture
async def client(container: Application) -> AsyncIterator[AsyncClient]:
    app = create_app(container)
    transport = ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


async def test_the_application_begins_with_a_scan(client: AsyncClient) -> None:
    tasks = (await client.get("/background-tasks/api/tasks")).json()["items"]
    assert [task["name"] for task in tasks] == ["Scan sample_library"]


async def test_the_page_may_load_only_what_is_shipped_with_it(client: AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "<script>" not in page.text
    for path in ("app.js", "units.js", "style.css", "icon.svg"):
        assert (await client.get(f"/static/{path}")).status_code == 200
    assert (await client.get("/background-tasks/client/dist/browser.js")).status_code == 200


async def test_a_copy_is_accepted(client: AsyncClient, film: Path) -> None:
    form = {"source": str(film), "destination": str(film.with_name("copy.mkv"))}
    answer = await client.post("/copies", json=form)
    assert answer.status_code == 202
    task = (await client.get(f"/background-tasks/api/tasks/{answer.json()['id']}")).json()
    assert task["name"] == "Copy movie.mkv"


async def test_a_scan_is_accepted(client: AsyncClient, film: Path) -> None:
    answer = await client.post("/scans", json={"folder": str(film.parent)})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/scans", b"", 400, None),
        ("/scans", b"{", 400, None),
        ("/scans", b"[" * 10_000, 400, None),
        ("/scans", b"[]", 400, None),
        ("/scans", b"\xff\xfe", 400, None),
        ("/scans", b"{}", 422, "folder"),
        ("/scans", b'{"folder": 7}', 422, "folder"),
        ("/scans", b'{"folder": " "}', 422, "folder"),
        ("/scans", b'{"folder": "music"}', 422, "folder"),
        ("/scans", b'{"folder": "/no/such/folder"}', 422, "folder"),
        ("/scans", b'{"folder": "/a\\u0000b"}', 422, "folder"),
        ("/scans", b'{"folder": "/a\\ud800b"}', 422, "folder"),
        ("/scans", b'{"folder": "/%s"}' % (b"x" * 5000), 422, "folder"),
        ("/scans", b'{"folder": "%s"}' % (b"x" * 20_000), 413, None),
        ("/copies", b"{}", 422, "source"),
        ("/copies", b'{"source": "/etc"}', 422, "destination"),
        ("/copies", b'{"source": "/no/file", "destination": "/no/copy"}', 422, "source"),
        ("/copies", b'{"source": "/etc", "destination": "/tmp"}', 422, "destination"),
        ("/copies", b'{"source": "/etc", "destination": "/no/folder/x"}', 422, "destination"),
        ("/copies", b'{"source": "/etc", "destination": "/"}', 422, "destination"),
    ],
)
async def test_a_form_that_cannot_be_used_is_refused_with_the_reason(
    client: AsyncClient, path: str, body: bytes, status: int, field: str | None
) -> None:
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem.get("field")) == (status, field)
    assert problem["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_a_foreign_page_could_send_unasked_is_refused(
    client: AsyncClient, content_type: str
) -> None:
    headers = {"content-type": content_type}
    answer = await client.post("/scans", content=b'{"folder": "/"}', headers=headers)
    assert answer.status_code == 415


async def test_a_foreign_name_gets_no_answer(client: AsyncClient) -> None:
    assert (await client.get("/", headers={"host": "evil.example"})).status_code == 400


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3", "²"])
async def test_a_limit_that_cannot_be_used_is_refused(client: AsyncClient, limit: str) -> None:
    answer = await client.get("/library", params={"limit": limit})
    assert answer.status_code == 400
    assert answer.json()["field"] == "limit"


async def test_the_library_is_empty_at_first_or_filling(client: AsyncClient) -> None:
    library = (await client.get("/library", params={"limit": 1})).json()
    assert len(library["items"]) <= 1
    assert library.keys() == {"items", "total", "durationSeconds", "bytes"}


async def test_suggestions_follow_the_source(client: AsyncClient) -> None:
    first = (await client.get("/suggestions")).json()
    assert first["folder"] == str(SAMPLE_LIBRARY)
    assert (first["scanPause"], first["copyBytesPerSecond"]) == (0.0, None)
    other = (await client.get("/suggestions", params={"source": "/media/Big Film.mkv"})).json()
    name = Path(other["destination"]).name
    assert name.startswith("Big Film (")
    assert name.endswith(").mkv")
    assert (await client.get("/suggestions", params={"source": "\0"})).status_code == 200

"""MetadataScanWorker: walks a folder and reads what is new in it into the database.

An ``async`` worker: it runs on the event loop, waits for the database there, and sends what
blocks (the walk, the reading) to threads.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen
from sqlalchemy.ext.asyncio import AsyncSession

from bgtasks import BackgroundWorker, BackgroundWorkerContext
from examples.media_library.database import (
    KnownFile,
    forget_files,
    known_files,
    location_of,
    now,
    path_text,
    save_files,
)
from examples.media_library.media import MediaReader, UnreadableMediaError, clean_text, kind_of
from examples.media_library.tasks import MetadataScanTask, ScanProgress

MAX_FILES = 200_000
BATCH_FILES = 100
BATCH_SECONDS = 0.5

Context = BackgroundWorkerContext[MetadataScanTask, ScanProgress]


class MetadataScanWorker(BackgroundWorker[MetadataScanTask, ScanProgress]):
    """Reads the tags of every media file below a folder.

    ``pause`` is a wait after each file, in seconds: with it the demonstration can be watched.
    """

    def __init__(self, session: AsyncSession, reader: MediaReader, pause: float = 0.0) -> None:
        self._session = session
        self._reader = reader
        self._pause = pause

    async def execute(self, context: Context) -> None:
        context.report_status("Looking for media files", payload=ScanProgress())
        # However it was spelled: the same file is to be known by one path.
        folder = await asyncio.to_thread(context.task.folder.resolve, True)
        found = await asyncio.to_thread(
            find_media, folder, lambda: context.cancellation_token.is_cancellation_requested
        )
        known = await known_files(self._session, folder)
        # No transaction stays open while files are read: the page reads the same database.
        await self._session.commit()
        await self._read_all(context, found, known)

    async def _read_all(
        self, context: Context, found: "FoundMedia", known: Mapping[bytes, KnownFile]
    ) -> None:
        progress = ScanProgress(files_total=len(found.files))
        batch = Batch(self._session)
        for path in found.files:
            context.report_progress(
                100.0 * progress.files_seen / len(found.files),
                f"Reading {path_text(Path(path.name))}",
                payload=attrs.evolve(progress, current_path=path_text(path)),
            )
            row = await asyncio.to_thread(self._read, path, known.get(location_of(path)))
            progress = counted(progress, row)
            if row.changed:
                await batch.add(row.values)
            if self._pause:
                await asyncio.sleep(self._pause)
        await batch.save()
        removed = await self._forget_missing(found, known)
        progress = attrs.evolve(progress, removed=removed)
        context.report_progress(100.0, summary(progress, found), payload=progress)

    def _read(self, path: Path, known: KnownFile | None) -> "ScannedFile":
        """Runs in a thread: everything here may block."""
        try:
            status = path.stat(follow_symlinks=False)
        except OSError:
            # It went away after the walk.
            return ScannedFile(False, failed=True)
        if known and known.same_as(status):
            return ScannedFile(False, size=status.st_size, seconds=known.duration_seconds)
        values = {
            "location": location_of(path),
            "path": path_text(path),
            "size": status.st_size,
            "modified_ns": status.st_mtime_ns,
            "scanned_at": now(),
        }
        return self._read_facts(path, values)

    def _read_facts(self, path: Path, values: dict[str, Any]) -> "ScannedFile":
        try:
            facts = self._reader.read(path)
        except (UnreadableMediaError, OSError) as error:
            values |= _NOTHING | {"kind": kind_of(path), "error": clean_text(error)}
            return ScannedFile(True, failed=True, size=values["size"], values=values)
        values |= attrs.asdict(facts) | {"error": None}
        seconds = facts.duration_seconds or 0.0
        return ScannedFile(True, size=values["size"], seconds=seconds, values=values)

    async def _forget_missing(self, found: "FoundMedia", known: Mapping[bytes, KnownFile]) -> int:
        if not found.complete:
            # What could not be seen is not gone.
            return 0
        missing = known.keys() - {location_of(path) for path in found.files}
        await forget_files(self._session, list(missing))
        return len(missing)


_NOTHING: dict[str, None] = dict.fromkeys(
    ("format", "title", "artist", "album", "duration_seconds", "width", "height", "taken_at",
     "camera")
)  # fmt: skip


@frozen
class ScannedFile:
    """What came of one file; ``values`` is its row, where there is something to store."""

    changed: bool
    failed: bool = field(default=False, kw_only=True)
    size: int = field(default=0, kw_only=True)
    seconds: float = field(default=0.0, kw_only=True)
    values: Mapping[str, Any] = field(factory=dict, kw_only=True)


def counted(progress: ScanProgress, row: ScannedFile) -> ScanProgress:
    """``progress`` with one more file in it."""
    return attrs.evolve(
        progress,
        files_seen=progress.files_seen + 1,
        read=progress.read + (row.changed and not row.failed),
        unchanged=progress.unchanged + (not row.changed and not row.failed),
        failed=progress.failed + row.failed,
        bytes=progress.bytes + row.size,
        total_duration_seconds=progress.total_duration_seconds + row.seconds,
    )


def summary(progress: ScanProgress, found: "FoundMedia") -> str:
    """One line that says how the scan went."""
    parts = [f"{progress.read} read", f"{progress.unchanged} unchanged"]
    parts += [f"{progress.failed} unreadable"] * bool(progress.failed)
    parts += [f"{progress.removed} gone"] * bool(progress.removed)
    parts += [f"{found.closed_folders} folders could not be opened"] * bool(found.closed_folders)
    parts += [f"stopped at {MAX_FILES:,} files"] * found.cut_off
    return ", ".join(parts)


@define
class Batch:
    """Rows that are written together: a commit for each would take longer than the reading."""

    session: AsyncSession
    rows: list[Mapping[str, Any]] = field(factory=list)
    saved_at: float = field(factory=time.monotonic)

    async def add(self, row: Mapping[str, Any]) -> None:
        self.rows.append(row)
        # By time as well: somebody watches the table fill.
        late = time.monotonic() - self.saved_at > BATCH_SECONDS
        if late or len(self.rows) >= BATCH_FILES:
            await self.save()

    async def save(self) -> None:
        await save_files(self.session, self.rows)
        self.rows.clear()
        self.saved_at = time.monotonic()


@frozen
class FoundMedia:
    """The media files below a folder, in the order of their names."""

    files: list[Path]
    closed_folders: int
    cut_off: bool

    @property
    def complete(self) -> bool:
        """Whether these are really all."""
        return not self.closed_folders and not self.cut_off


def find_media(
    folder: Path, stop: Callable[[], bool] = lambda: False, *, most: int = MAX_FILES
) -> FoundMedia:
    """Every media file below ``folder``, at most ``most`` of them; symbolic links are not followed,
    so there is no loop.

    Blocks; ends early when ``stop()`` says so. Raises OSError if ``folder`` cannot be opened.
    """
    waiting, files = _look_into(folder)
    closed = 0
    while waiting and len(files) <= most and not stop():
        try:
            folders, media = _look_into(waiting.pop())
        except OSError:
            closed += 1
            continue
        waiting += folders
        files += media
    return FoundMedia(files[:most], closed, cut_off=bool(waiting) or len(files) > most)


def _look_into(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders (last name first) and the media files that lie directly in ``folder``."""
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif kind_of(path) and entry.is_file(follow_symlinks=False):
                files.append(path)
    return folders[::-1], files

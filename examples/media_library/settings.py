"""The settings of this application, as the mapping that the container's ``config`` takes."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL

DATA = Path("media-library-data")

SAMPLE_LIBRARY = Path(__file__).parent / "sample_library"
DEMO_FILE = "Three Minutes of A.wav"


def settings(
    data: Path, folder: Path | None, *, slow: bool, task_database: str | None = None
) -> dict[str, Any]:
    """The settings for this data directory and this media folder (``None``: the samples).

    ``slow`` makes the work take long enough to be watched: real media and real disks do that
    by themselves. ``task_database`` is a postgresql:// URL; without it the tasks are in a file.
    """
    return {
        "database_url": str(URL.create("sqlite+aiosqlite", database=str(data / "library.db"))),
        "folder": str(folder or SAMPLE_LIBRARY),
        "copies_folder": str(data / "copies"),
        "copy_source": str(folder or data / "demo" / DEMO_FILE),
        # Of the nightly scan, which comes at three o'clock there.
        "timezone": os.environ.get("MEDIA_LIBRARY_TIMEZONE") or "UTC",
        "scan_pause": 0.25 if slow else 0.0,
        "copy_bytes_per_second": 4_000_000 if slow else None,
        "background_tasks": {
            # The one setting that moves the tasks from one process to many.
            "database": task_database or str(data / "tasks.db"),
            # Ctrl-C waits no longer than this for a copy; it begins again at the next start.
            "stop_grace": 1.0,
        },
    }


def prepare_data_folder(data: Path) -> Path:
    """The folder by its full name, made unless it is there."""
    data = data.expanduser().absolute()
    (data / "copies").mkdir(parents=True, exist_ok=True)
    # Nothing in here belongs into anybody's repository.
    (data / ".gitignore").write_text("*\n")
    return data


def settings_from_environment() -> dict[str, Any]:
    """The same from MEDIA_LIBRARY_DATA, MEDIA_LIBRARY_DATABASE and MEDIA_LIBRARY_SLOW."""
    return settings(
        prepare_data_folder(Path(os.environ.get("MEDIA_LIBRARY_DATA") or DATA)),
        None,
        slow=bool(os.environ.get("MEDIA_LIBRARY_SLOW")),
        task_database=task_database_from_environment(),
    )


def task_database_from_environment() -> str | None:
    """Where the tasks are, if that is said there; a URL there shows its password to nobody."""
    return os.environ.get("MEDIA_LIBRARY_DATABASE") or None

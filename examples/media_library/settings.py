"""The settings of this application, as the mapping that the container's ``config`` takes."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL

SAMPLE_LIBRARY = Path(__file__).parent / "sample_library"
DEMO_FILE = "Three Minutes of A.wav"


def settings(data: Path, folder: Path | None, *, slow: bool) -> dict[str, Any]:
    """The settings for this data directory and this media folder (``None``: the samples).

    ``slow`` makes the work take long enough to be watched: real media and real disks do that
    by themselves.
    """
    return {
        "database_url": str(URL.create("sqlite+aiosqlite", database=str(data / "library.db"))),
        "folder": str(folder or SAMPLE_LIBRARY),
        "copies_folder": str(data / "copies"),
        "copy_source": str(folder or data / "demo" / DEMO_FILE),
        "scan_pause": 0.25 if slow else 0.0,
        "copy_bytes_per_second": 4_000_000 if slow else None,
        "background_tasks": {
            "database": str(data / "tasks.db"),
            # Ctrl-C waits no longer than this for a copy; it begins again at the next start.
            "stop_grace": 1.0,
        },
    }

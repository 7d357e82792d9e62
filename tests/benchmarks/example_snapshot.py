"""The snapshot that is sent in the measurements."""

from datetime import UTC, datetime
from uuid import UUID

from attrs import frozen

from bgtasks import BackgroundTaskInfo, BackgroundTaskStatus


@frozen
class CopyProgress:
    """The payload."""

    copied_bytes: int = 42
    total_bytes: int = 100
    current_path: str = "movie.mkv"


def snapshot(revision: int) -> BackgroundTaskInfo[CopyProgress]:
    """One of about 400 bytes as JSON."""
    now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    return BackgroundTaskInfo(
        id=UUID("01936d5e-0f3a-7c4e-9b1a-5f0c2d3e4f50"),
        type="CopyOperationTask",
        name="Copy movie.mkv",
        status=BackgroundTaskStatus.RUNNING,
        progress=42.0,
        status_message="movie.mkv",
        error_message=None,
        payload=CopyProgress(),
        created_at=now,
        started_at=now,
        completed_at=None,
        revision=revision,
        attempt=1,
        cancel_requested=False,
        scheduled_at=None,
        owner=None,
    )

"""What this application does in the background: two tasks and what their workers report."""

from pathlib import Path

from attrs import frozen

from bgtasks import BackgroundTaskBase


@frozen(kw_only=True)
class MetadataScanTask(BackgroundTaskBase):
    """Read every media file below ``folder`` into the library."""

    folder: Path

    @property
    def display_name(self) -> str:
        return f"Scan {self.folder.name or self.folder}"


@frozen(kw_only=True)
class ScanProgress:
    """The payload of a scan."""

    files_seen: int = 0
    files_total: int = 0
    read: int = 0
    unchanged: int = 0
    failed: int = 0
    removed: int = 0
    bytes: int = 0
    total_duration_seconds: float = 0.0
    current_path: str | None = None


@frozen(kw_only=True)
class CopyOperationTask(BackgroundTaskBase):
    """Copy a file or a whole tree to ``destination``, which must not exist yet."""

    source: Path
    destination: Path

    @property
    def display_name(self) -> str:
        return f"Copy {self.source.name or self.source}"


@frozen(kw_only=True)
class CopyProgress:
    """The payload of a copy."""

    copied_bytes: int
    total_bytes: int
    copied_files: int
    total_files: int
    bytes_per_second: float | None = None
    remaining_seconds: float | None = None
    current_path: str | None = None

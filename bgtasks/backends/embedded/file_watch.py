"""Whether the files that are open are still those that the path names."""

import os
from pathlib import Path

__all__ = ["FileWatch"]

_SUFFIXES = ("", "-wal", "-shm", "-lock")


class FileWatch:
    """Notices that a file of the database was removed, renamed or replaced while it is open.

    SQLite does not: it goes on writing to a file without a name, which is gone with the process.
    """

    def __init__(self, path: str) -> None:
        # The path as it was given, too: a link may be made to name another file.
        self._database = os.path.abspath(path)  # noqa: PTH100 - a Path would follow the link
        real = os.path.realpath(path)
        names = [self._database, *(f"{real}{suffix}" for suffix in _SUFFIXES)]
        self._known = {
            name: identity for name in names if (identity := _identity(name)) is not None
        }

    def looks_lost(self) -> bool:
        """Whether the database itself is no longer the known file: one question to the operating
        system, cheap enough to be asked at each commit."""
        return self._changed(self._database) is not None

    def lost(self) -> str | None:
        """Which of the files is gone or another one, in words; ``None``: all are there."""
        for name in self._known:
            if (what := self._changed(name)) is not None:
                return f"{Path(name).name} was {what} while it was in use"
        return None

    def _changed(self, name: str) -> str | None:
        known = self._known.get(name)
        if known is None:
            return None
        try:
            now = _identity(name)
        except OSError:  # the folder cannot be searched: nothing is known
            return None
        if now is None:
            return "removed"
        return None if now == known else "replaced"


def _identity(name: str) -> tuple[int, int] | None:
    """Device and number of a file; ``None`` where there is none."""
    try:
        found = os.stat(name)  # noqa: PTH116 - at each commit: a Path costs more than the question
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino

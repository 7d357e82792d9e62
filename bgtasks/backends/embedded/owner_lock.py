"""One process owns a database file, for as long as it lives."""

import os
import sqlite3
from pathlib import Path

from bgtasks.backends.embedded.private_files import make_private
from bgtasks.backends.embedded.refusals import is_locked
from bgtasks.errors import BackendBusyError, BackendError

__all__ = ["OwnerLock", "advice"]


class OwnerLock:
    """Makes one process the owner of a database file, for as long as it lives.

    The lock is SQLite's own, on an empty file beside the database: it works wherever SQLite
    does, and the operating system lets go of it when the process dies, however it dies. It is
    not on the database itself, because there ``locking_mode=EXCLUSIVE`` would also keep out
    this process's own reading connection.
    """

    def __init__(self, path: str) -> None:
        target = os.path.realpath(path)
        make_private(f"{target}-lock")
        try:
            self._connection = sqlite3.connect(
                f"{target}-lock", isolation_level=None, timeout=0, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise BackendError(f"cannot lock {target}: {error}; {advice(target)}") from error
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            self._connection.close()
            if is_locked(error):
                raise BackendBusyError(
                    f"{target} is in use by another process (or another manager of this one). "
                    "An embedded database has one owner: run one process, give each a database "
                    "of its own, or set 'database' to a postgresql:// URL, which many processes "
                    "can share"
                ) from error
            raise BackendError(f"cannot lock {target}: {error}; {advice(target)}") from error

    def release(self) -> None:
        """Let the next owner have it."""
        self._connection.close()


def advice(path: str) -> str:
    """What to do about a file that cannot be opened."""
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist, create it"
    if not os.access(folder, os.W_OK):
        return f"the folder {folder} cannot be written, give this user the right to"
    return "check the rights of the file and the space on its disk"

"""What keeps the file from being used, as far as this process has noticed."""

import logging
import os
import time

from bgtasks.backends.embedded.file_watch import FileWatch
from bgtasks.backends.embedded.patience import Patience
from bgtasks.backends.embedded.refusals import is_broken, is_locked, is_of_the_store

__all__ = ["StoreHealth"]

logger: logging.Logger = logging.getLogger(__name__)

LEAST_ROOM = 64 * 1024
"""Bytes; a disk with less than that is full."""


class StoreHealth:
    """Kept by the writer thread; ``trouble`` may be read from any thread.

    A damaged file stays trouble until it is opened anew; anything else is over with the next
    commit. A disk that is full or read-only is found by looking, also while nothing is to be
    written; a small write may succeed all the same, in the room that the log of the file has left.
    ``path`` is ``None`` for a database in memory.
    """

    def __init__(self, path: str | None, patience: Patience) -> None:
        self.trouble: str | None = None
        self.last_error: Exception | None = None
        self._folder = None if path is None else os.path.dirname(os.path.realpath(path))  # noqa: PTH120
        self._watch = None if path is None else FileWatch(path)
        self._patience = patience
        self._broken: str | None = None
        self._lost: str | None = None
        self._disk: str | None = None
        self._failing: str | None = None
        self._locked_since: float | None = None
        self._looked_at = 0.0

    def note(self, error: Exception | None) -> None:
        """How the last try to write went; ``None``: it was committed."""
        if error is None and self.last_error is None:
            return
        self.last_error = error
        if error is None or not is_of_the_store(error):
            self._locked_since = None
            self._failing = None
            if self._disk is not None:
                self._look_at_disk()
        elif is_locked(error):
            self._note_lock()
        else:
            self._failing = f"the task database cannot be written: {error}"
            self._look_at_disk()
        self.note_damage(error)

    def note_damage(self, error: Exception | None) -> None:
        """Note damage if an error of a read or a write says so. Other errors may pass."""
        if is_broken(error):
            self._broken = f"the task database is damaged ({error}): restore it from a backup"
        self._tell()

    def look(self) -> None:
        """Look at the files and their disk now."""
        self._looked_at = time.monotonic()
        if self._watch is not None:
            self._lost = self._watch.lost()
            self._look_at_disk()
            self._tell()

    def at_commit(self) -> str | None:
        """Why no new tasks may be accepted with this commit; ``None`` if they may."""
        if self._watch is None:
            return None
        if self._lost is not None or self._watch.looks_lost() or self._is_time_to_look():
            self.look()
        if self._lost is None:
            return None
        return (
            f"the task database cannot take new tasks: {self._lost}, and what is accepted now "
            "would be lost. Put the file back, or restart the application"
        )

    def wants_probe(self) -> bool:
        """Whether a try to write would show if the trouble is over."""
        return self._failing is not None or self._locked_since is not None

    def _is_time_to_look(self) -> bool:
        return time.monotonic() - self._looked_at > self._patience.probe

    def _note_lock(self) -> None:
        now = time.monotonic()
        self._locked_since = since = self._locked_since or now
        if now - since >= self._patience.announce:
            self._failing = "the task database is locked by another program: nothing can be written"

    def _look_at_disk(self) -> None:
        if self._folder is None or not hasattr(os, "statvfs"):
            return
        self._disk = None
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return
        if disk.f_flag & os.ST_RDONLY:
            self._disk = "the disk of the task database is read-only"
        elif disk.f_blocks and disk.f_bavail * disk.f_frsize < LEAST_ROOM:
            self._disk = "the disk of the task database is full"

    def _tell(self) -> None:
        lost = self._lost and (
            f"{self._lost}: new tasks are refused until it is put back or the application restarts"
        )
        trouble = self._broken or lost or self._disk or self._failing
        if trouble != self.trouble:
            if trouble is not None:
                logger.error("%s", trouble)
            else:
                logger.warning("the task database can be written again")
        self.trouble = trouble

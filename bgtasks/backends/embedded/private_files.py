"""Files that belong to this user alone: tasks carry what others must not read, and a lock that
others can open is one that others can take."""

import logging
import os
import stat
from contextlib import suppress

__all__ = ["make_private", "warn_of_readers"]

logger: logging.Logger = logging.getLogger(__name__)

OWNER_ONLY = 0o600


def make_private(path: str) -> None:
    """Create an empty file that only its owner can read, whatever the umask; take the rights of
    others from one that exists and is ours.

    SQLite would create it readable for everybody that the umask allows. The files that it creates
    beside a database have the rights of the database.
    """
    _create(path)
    # Not opened: to close it again would let go of a lock that this process has on it.
    found = _ours(path)
    if found is not None and found.st_mode & 0o077:
        with suppress(OSError):
            os.chmod(path, OWNER_ONLY)  # noqa: PTH101


def warn_of_readers(path: str) -> None:
    """Say in the log that everybody on this computer can read a file of ours."""
    found = _ours(path)
    if found is not None and found.st_mode & 0o007:
        logger.warning(
            "%s can be read by every user of this computer (mode %04o): an older release created "
            "it so. Run: chmod 600 %s*",
            path,
            stat.S_IMODE(found.st_mode),
            path,
        )


def _create(path: str) -> None:
    """A file that exists is left as it is. An error is raised where the file is opened later."""
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY)
    except OSError:
        return
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(file, OWNER_ONLY)  # the umask may have taken the owner's own rights
    finally:
        os.close(file)


def _ours(path: str) -> os.stat_result | None:
    """What is known of a plain file that belongs to this user; ``None`` for anything else."""
    if not hasattr(os, "geteuid"):  # Windows: the rights come from the folder
        return None
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() else None

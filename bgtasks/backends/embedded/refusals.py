"""What the file can never take, told apart from what it cannot take now."""

import sqlite3

from bgtasks.errors import BackendError

__all__ = [
    "is_broken",
    "is_final_refusal",
    "is_locked",
    "is_of_one_write",
    "is_of_the_store",
    "public_error",
]

# Of SQLite: values that no column takes. Of Python: values that cannot even be handed to it, such
# as a text with a lone surrogate or a number of more than 64 bits.
_FINAL = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    TypeError,
    OverflowError,
)

_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_TOO_LITTLE_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM}
_OF_THE_STORE = {
    *_BROKEN,
    *_LOCKED,
    *_TOO_LITTLE_ROOM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


def is_final_refusal(error: BaseException) -> bool:
    """Whether writing the same once more can never succeed. Everything else may pass: a full
    disk, a lock, a file that cannot be reached."""
    return isinstance(error.__cause__ or error, _FINAL)


def is_of_the_store(error: BaseException | None) -> bool:
    """Whether the file, its disk or a lock is to blame, and not what was to be written."""
    return _code(error) in _OF_THE_STORE


def is_of_one_write(error: BaseException) -> bool:
    """Whether a smaller write, or any other, may succeed at the same time."""
    return _code(error) in _TOO_LITTLE_ROOM or not is_of_the_store(error)


def is_locked(error: BaseException) -> bool:
    """Whether another program holds the file."""
    return _code(error) in _LOCKED


def is_broken(error: BaseException | None) -> bool:
    """Whether the file is damaged, which does not pass."""
    return _code(error) in _BROKEN


def public_error(error: Exception | None) -> Exception | None:
    """SQLite's own errors as ours; the cause stays attached."""
    if not isinstance(error, sqlite3.Error):
        return error
    advice = "Check the space on its disk and the rights of the file, then try again"
    if is_locked(error):
        advice = "Another program holds it: end that program's transaction, then try again"
    elif is_broken(error):
        advice = "The file is damaged: stop, and restore it from a backup (or try '.recover')"
    public = BackendError(f"the task database cannot be written: {error}. {advice}")
    public.__cause__ = error
    return public


def _code(error: BaseException | None) -> int | None:
    """The primary code: the extended one says only more about it."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None

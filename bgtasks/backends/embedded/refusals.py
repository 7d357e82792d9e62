"""What the file can never take, told apart from what it cannot take now."""

import sqlite3

__all__ = ["is_final_refusal"]

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


def is_final_refusal(error: Exception) -> bool:
    """Whether writing the same once more can never succeed. Everything else may pass: a full
    disk, a lock, a file that cannot be reached."""
    return isinstance(error.__cause__ or error, _FINAL)

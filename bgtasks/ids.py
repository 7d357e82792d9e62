"""Version-7 UUIDs: time-ordered ids, RFC 9562 section 5.7."""

import os
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["uuid7", "uuid_of", "uuid_of_text", "uuid_text"]

_RANDOM_BYTES = 10
_POOL_SIZE = 400 * _RANDOM_BYTES


class _RandomPool:
    """Random bits from the operating system, fetched for 400 ids at a time: each fetch releases
    the interpreter lock, and reacquiring it can take longer than everything else here."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def take(self) -> int:
        """80 random bits, given to nobody else."""
        try:
            chunk = self._chunks.pop()  # atomic, so two threads never get the same
        except IndexError:
            pool = os.urandom(_POOL_SIZE)
            chunk = pool[:_RANDOM_BYTES]
            self._chunks += [
                pool[at : at + _RANDOM_BYTES] for at in range(_RANDOM_BYTES, _POOL_SIZE, 10)
            ]
        return int.from_bytes(chunk, "big")

    def clear(self) -> None:
        """Drop the fetched bits: after a fork both processes would use the same ones."""
        self._chunks.clear()


_pool = _RandomPool()
if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_pool.clear)


def _uuid7() -> uuid.UUID:
    """A version-7 UUID: 48 bits of Unix milliseconds, then 74 random bits (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = _pool.take()
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= ((random_bits >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random_bits & 0x3FFF_FFFF_FFFF_FFFF
    return uuid_of(value)


_make = object.__new__
_slots: Mapping[str, Any] = vars(uuid.UUID)
_set_int, _set_is_safe = _slots["int"].__set__, _slots["is_safe"].__set__
_UNKNOWN = uuid.SafeUUID.unknown


def uuid_of(value: int) -> uuid.UUID:
    """``UUID(int=value)`` for a value of 128 bits, in a quarter of the time: the constructor tries
    all the other ways to say a UUID first."""
    made = _make(uuid.UUID)
    _set_int(made, value)
    _set_is_safe(made, _UNKNOWN)
    return made


def uuid_text(value: uuid.UUID) -> str:
    """``str(value)``, in half the time."""
    digits = f"{value.int:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid_of_text(text: str) -> uuid.UUID:
    """``UUID(text)``; fast for a text as ``str`` writes it."""
    digits = text.replace("-", "")  # the constructor, too, does not care where they stand
    if len(digits) == 32 and digits.isalnum() and digits.isascii():
        try:
            return uuid_of(int(digits, 16))
        except ValueError:  # the constructor says it better
            return uuid.UUID(text)
    return uuid.UUID(text)


# Python 3.14 has its own uuid7, which is also monotonic within a millisecond.
uuid7: Callable[[], uuid.UUID] = getattr(uuid, "uuid7", _uuid7)

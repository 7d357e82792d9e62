"""Version-7 UUIDs: time-ordered ids, RFC 9562 section 5.7."""

import os
import time
import uuid

__all__ = ["uuid7"]


def _uuid7() -> uuid.UUID:
    """A version-7 UUID: 48 bits of Unix milliseconds, then 74 random bits (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= ((random_bits >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random_bits & 0x3FFF_FFFF_FFFF_FFFF
    return uuid.UUID(int=value)


# Python 3.14 brings its own, which is also monotonic within a millisecond.
uuid7 = getattr(uuid, "uuid7", _uuid7)

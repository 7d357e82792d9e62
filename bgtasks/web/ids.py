"""Task ids as clients write them."""

import re
from uuid import UUID

__all__ = ["parse_task_id"]

_CANONICAL = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def parse_task_id(value: object) -> UUID:
    """The id that ``value`` writes. Raises ValueError, which names the value."""
    # UUID() also takes braces, "urn:" and misplaced hyphens: one task would have many addresses.
    if not isinstance(value, str) or not _CANONICAL.fullmatch(value):
        shown = value[:100] if isinstance(value, str) else type(value).__name__
        raise ValueError(
            f"task id is {shown!r}; accepted: a UUID such as 0193a4e0-0000-7000-8000-000000000000"
        )
    return UUID(value)

"""How much memory this process holds."""

import os
from pathlib import Path

__all__ = ["rss_bytes"]

_STATM = Path("/proc/self/statm")


def rss_bytes() -> int | None:
    """The memory of this process that is in RAM, in bytes; ``None`` where the system has no
    ``/proc``."""
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")

"""Which code is the host's own, in this process."""

import sys
import sysconfig
import traceback
from functools import lru_cache
from itertools import islice
from pathlib import Path

from bgtasks.core.own_frames import Roots, last_own
from bgtasks.core.text import trace_of

__all__ = ["own_frame_of"]

MAX_FRAMES = 2_000
"""How deep an error is looked at: a recursion that has no end is as deep as Python lets it."""


def own_frame_of(error: BaseException) -> str | None:
    """Where ``error`` was raised in the host's own code; ``None``: nowhere. Never raises."""
    try:
        frames = islice(traceback.walk_tb(trace_of(error)), MAX_FRAMES)
        codes = [frame.f_code for frame, _ in frames]
        named = [(code.co_filename, code.co_qualname) for code in codes]
        return last_own(named, _roots(tuple(sys.path)))
    except Exception:  # a file name that is none: what an attempt ended with counts all the same
        return None


@lru_cache(maxsize=4)
def _roots(path: tuple[str, ...]) -> Roots:
    paths = sysconfig.get_paths()
    foreign = (str(Path(__file__).parents[1]), paths["stdlib"], paths["platstdlib"])
    return Roots(foreign, tuple(_folder(entry) for entry in path))


def _folder(entry: str) -> str:
    try:
        return str(Path(entry).absolute())
    except OSError:  # the folder that this process is in has been removed
        return entry

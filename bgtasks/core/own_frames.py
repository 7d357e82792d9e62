"""Where an error was raised in the host's own code: not in a library, Python's, or this one."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePath

from attrs import frozen

from bgtasks.core.text import clean

__all__ = ["MAX_FRAME", "Roots", "last_own"]

MAX_FRAME = 300
"""The longest name of a place, in characters."""

_FOREIGN = ""

_INSTALLED = ("site-packages", "dist-packages")


@frozen
class Roots:
    """Folders: those whose code is nobody's own (``foreign``: Python's library, this library), and
    those that modules are imported from (``imported``), which paths are shown relative to."""

    foreign: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()


def last_own(frames: Iterable[tuple[str, str]], roots: Roots) -> str | None:
    """The last of ``frames`` (file and function, the outermost first) in the host's own code, as
    ``"app/exports.py in Export.execute"``; ``None``: there is none.

    A host that is installed like a library is known by its package, which is that of the first
    frame outside of Python and this library.
    """
    seen = [(_package(file, roots), file, function) for file, function in frames]
    seen = [frame for frame in seen if frame[0] != _FOREIGN]
    own = [frame for frame in seen if frame[0] is None]
    if not own:
        own = [frame for frame in seen if frame[0] == seen[0][0]]
    if not own:
        return None
    _, file, function = own[-1]
    return clean(f"{_relative(file, roots)} in {function}", MAX_FRAME)


@lru_cache(maxsize=1024)
def _package(file: str, roots: Roots) -> str | None:
    """The package that a file is of which was installed; ``None``: it was not, so it is the host's
    own. Code that is nobody's own counts as one package."""
    if file.startswith("<"):  # made at run time: nobody can open it
        return _FOREIGN
    parts = PurePath(file).parts
    places = [at for at, part in enumerate(parts[:-1]) if part in _INSTALLED]
    for root in roots.foreign:
        inside = len(PurePath(root).parts)
        if _is_below(file, root) and not any(at >= inside for at in places):
            return _FOREIGN
    return parts[places[-1] + 1] if places else None


def _relative(file: str, roots: Roots) -> str:
    """Below the longest folder that modules are imported from; else its last three parts."""
    above = max((root for root in roots.imported if _is_below(file, root)), key=len, default=None)
    path = PurePath(file)
    if above is not None:
        return path.relative_to(above).as_posix()
    return "/".join(path.parts[-3:]) if path.is_absolute() else path.as_posix()


def _is_below(file: str, root: str) -> bool:
    return bool(root) and PurePath(file).is_relative_to(root)

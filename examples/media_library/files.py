"""Copying files and trees, all or nothing. Blocks; knows neither tasks nor workers.

A copy is written beside its destination under a name of its own, ``.<name>.<key>.part``, and
takes its real name only when it is whole. So what has the destination's name is never half a
copy, and nothing that was there before is ever written over.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import define, field

CHUNK_BYTES = 1024 * 1024
Report = Callable[[Path, int], None]
"""Called with the file being copied and the bytes just written. What it raises ends the copy."""


class CopyRefusedError(Exception):
    """The copy was not begun, or not finished, for a reason that trying again won't change."""


@define
class CopyPlan:
    """What is to be copied: looked at as a whole before the first byte is written."""

    source: Path
    destination: Path
    folders: list[Path] = field(factory=list)
    files: list[Path] = field(factory=list)
    links: list[Path] = field(factory=list)
    total_bytes: int = 0

    def target(self, path: Path, root: Path) -> Path:
        """Where ``path``, which is the source or below it, goes in the copy at ``root``."""
        return root / path.relative_to(self.source)


def plan_copy(source: Path, destination: Path) -> CopyPlan:
    """Look at everything that would be copied. Raises CopyRefusedError if it must not be.

    Symbolic links below the source are copied as links, never followed.
    """
    plan = CopyPlan(source, destination)
    for path in (source, destination):
        if not path.is_absolute():
            raise CopyRefusedError(f"{path} is not an absolute path")
    _add(plan, source, source.lstat(), is_source=True)
    _check_destination(plan)
    waiting = list(plan.folders)
    while waiting:
        for path, status in _entries(waiting.pop()):
            _add(plan, path, status)
            if stat.S_ISDIR(status.st_mode):
                waiting.append(path)
    _check_space(plan)
    return plan


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path), entry.stat(follow_symlinks=False)


def _add(plan: CopyPlan, path: Path, status: os.stat_result, *, is_source: bool = False) -> None:
    if stat.S_ISDIR(status.st_mode):
        plan.folders.append(path)
    elif stat.S_ISREG(status.st_mode):
        plan.files.append(path)
        plan.total_bytes += status.st_size
    elif stat.S_ISLNK(status.st_mode) and not is_source:
        plan.links.append(path)
    elif stat.S_ISLNK(status.st_mode):
        raise CopyRefusedError(f"{path} is a symbolic link; give what it points to")
    else:
        raise CopyRefusedError(f"{path} is neither a file nor a folder; it cannot be copied")


def _check_destination(plan: CopyPlan) -> None:
    destination = plan.destination
    if os.path.lexists(destination):
        raise CopyRefusedError(f"{destination} exists already; it is not overwritten")
    if not destination.parent.is_dir():
        raise CopyRefusedError(f"{destination.parent} is not a folder; make it first")
    real = destination.parent.resolve() / destination.name
    if plan.folders and real.is_relative_to(plan.source.resolve()):
        raise CopyRefusedError(
            f"{destination} lies inside {plan.source}: a tree cannot be copied into itself"
        )


def _check_space(plan: CopyPlan) -> None:
    free = shutil.disk_usage(plan.destination.parent).free
    if plan.total_bytes > free:
        raise CopyRefusedError(
            f"the copy needs {plan.total_bytes:,} bytes; at {plan.destination.parent} "
            f"only {free:,} are free"
        )


def part_path(destination: Path, key: str) -> Path:
    """The name a copy has while it grows; ``key`` keeps two copies apart.

    The name is shortened because it may be as long as a name may be already.
    """
    return destination.with_name(f".{destination.name[:40]}.{key}.part")


def copy(plan: CopyPlan, key: str, report: Report, chunk_bytes: int = CHUNK_BYTES) -> None:
    """Carry out ``plan``; whatever ends it early, nothing of it is left.

    Raises CopyRefusedError if a file changes while it is copied or the destination appears
    meanwhile; OSError where reading or writing fails; and whatever ``report`` raises.
    """
    part = part_path(plan.destination, key)
    # An attempt of this same task that was killed may have left one.
    remove_part(part)
    try:
        _copy_folders(plan, part)
        for path in plan.files:
            _copy_file(path, plan.target(path, part), report, chunk_bytes)
        for path in plan.links:
            plan.target(path, part).symlink_to(path.readlink())
        _finish_folders(plan, part)
        _publish(part, plan.destination)
    finally:
        remove_part(part)


def _copy_folders(plan: CopyPlan, part: Path) -> None:
    for path in plan.folders:
        plan.target(path, part).mkdir(mode=0o700)


def _copy_file(source: Path, target: Path, report: Report, chunk_bytes: int) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        before = os.fstat(reader.fileno())
        while chunk := reader.read(chunk_bytes):
            writer.write(chunk)
            report(source, len(chunk))
        after = os.fstat(reader.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise CopyRefusedError(f"{source} was changed while it was copied")
    if before.st_size == 0:
        report(source, 0)
    shutil.copystat(source, target, follow_symlinks=False)


def _finish_folders(plan: CopyPlan, part: Path) -> None:
    # From the inside out, and last: a read-only folder takes no more files, and each new
    # file would set the folder's time again.
    for path in reversed(plan.folders):
        shutil.copystat(path, plan.target(path, part))


def _publish(part: Path, destination: Path) -> None:
    """Give the finished copy its name, unless somebody else has taken it meanwhile."""
    try:
        if part.is_file() and _publish_by_link(part, destination):
            return
        if os.path.lexists(destination):
            raise FileExistsError
        # A rename of a folder puts it in the place of an empty one at most.
        part.rename(destination)
    except FileExistsError:
        raise CopyRefusedError(
            f"{destination} was made by somebody else meanwhile; it is not overwritten"
        ) from None


def _publish_by_link(part: Path, destination: Path) -> bool:
    """Give the file a second name: the one step that fails if the name is taken.

    Whether that worked: not every file system has hard links.
    """
    try:
        os.link(part, destination)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def remove_part(part: Path) -> None:
    """Remove what an unfinished copy has written, read-only folders included."""
    if part.is_symlink() or not part.is_dir():
        part.unlink(missing_ok=True)
        return
    part.chmod(0o700)
    for folder, names, _ in os.walk(part):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(part)

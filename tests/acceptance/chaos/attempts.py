"""What workers themselves write down: that an attempt has begun, and that it has ended."""

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

__all__ = ["Attempt", "AttemptLog", "most_at_once"]


@frozen
class Attempt:
    """One that has begun. Times are of the machine's monotonic clock, the same in all processes;
    ``ended`` is ``None`` for one whose process was killed."""

    task: str
    type: str
    node: str
    began: int
    ended: int | None


class AttemptLog:
    """A file that any number of processes append to, a line in one write. ``node`` says who."""

    def __init__(self, path: Path, node: str = "test") -> None:
        self.path = path
        self._node = node
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self._count = 0

    def began(self, task: object, type_name: str) -> str:
        """An attempt runs from now on; gives back its name for ``ended``."""
        self._count += 1
        name = f"{self._count}-{os.urandom(8).hex()}"
        self._write(f"began {name} {time.monotonic_ns()} {task} {type_name} {self._node}")
        return name

    def ended(self, name: str) -> None:
        """The attempt does nothing more."""
        self._write(f"ended {name} {time.monotonic_ns()}")

    def close(self) -> None:
        """Harmless when repeated."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def read(self) -> Sequence[Attempt]:
        """All that have begun until now, the first one first."""
        begun: dict[str, Attempt] = {}
        for line in self.path.read_text().splitlines():
            what, name, at, *rest = line.split(maxsplit=5)
            if what == "began":
                task, type_name, node = rest
                begun[name] = Attempt(task, type_name, node, int(at), None)
            else:
                begun[name] = evolve(begun[name], ended=int(at))
        return sorted(begun.values(), key=lambda attempt: attempt.began)

    def by_task(self) -> Mapping[str, Sequence[Attempt]]:
        """The same for each task; none for one that is not in it."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.read():
            found[attempt.task].append(attempt)
        return found

    def _write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


def most_at_once(attempts: Sequence[Attempt]) -> int:
    """How many of these ran at the same moment, at the most."""
    steps = [(attempt.began, 1) for attempt in attempts]
    steps += [(attempt.ended, -1) for attempt in attempts if attempt.ended is not None]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most

"""How many tasks were run, and when: a few numbers for each process, in memory that is shared.

Every task of everyone who is measured calls ``started`` and ``ended``, which costs about a
microsecond. The times are ``time.monotonic``, which on one machine is the same clock for all.
"""

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

FOLDER = "BENCHMARK_STAMPS"
"""The environment variable with the folder; each process has a file there."""

LAYOUT = struct.Struct("=qqddd")  # tasks started, tasks ended, first start, last start, last end


class Stamps:
    """The numbers of this process. A forked child gets its own."""

    def __init__(self) -> None:
        self._pid = 0
        self._numbers: memoryview[int] | None = None
        self._times: memoryview[float] | None = None

    def started(self) -> None:
        """A task begins."""
        now = time.monotonic()
        if self._pid != os.getpid():
            self._open()
        assert self._numbers is not None
        assert self._times is not None
        if self._numbers[0] == 0:
            self._times[2] = now
        self._times[3] = now
        self._numbers[0] += 1

    def ended(self) -> None:
        """It is done."""
        assert self._numbers is not None
        assert self._times is not None
        self._times[4] = time.monotonic()
        self._numbers[1] += 1

    def _open(self) -> None:
        self._pid = os.getpid()
        path = Path(os.environ[FOLDER]) / str(self._pid)
        with path.open("w+b") as file:
            file.write(bytes(LAYOUT.size))
            file.flush()
            shared = memoryview(mmap.mmap(file.fileno(), LAYOUT.size))
        self._numbers, self._times = shared.cast("q"), shared.cast("d")


STAMPS = Stamps()


@dataclass(frozen=True)
class Seen:
    """The numbers of all processes together."""

    started: int = 0
    ended: int = 0
    first_start: float = 0
    last_start: float = 0
    last_end: float = 0

    @property
    def tasks_per_second(self) -> float:
        """From the first start to the last end."""
        return self.ended / (self.last_end - self.first_start)


def seen(folder: Path) -> Seen:
    """What was run until now."""
    stored = [path.read_bytes() for path in folder.iterdir()]
    each = [Seen(*LAYOUT.unpack(one)) for one in stored if len(one) == LAYOUT.size]
    each = [one for one in each if one.started]
    if not each:
        return Seen()
    return Seen(
        started=sum(one.started for one in each),
        ended=sum(one.ended for one in each),
        first_start=min(one.first_start for one in each),
        last_start=max(one.last_start for one in each),
        last_end=max(one.last_end for one in each),
    )

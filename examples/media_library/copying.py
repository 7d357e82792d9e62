"""CopyOperationWorker: copies a file or a tree, and says how fast it goes and what is left.

A plain ``def`` worker: it runs in a thread of its own, where it may block. So it looks at the
cancellation token between two chunks, and ends by itself.
"""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from bgtasks import BackgroundWorker, BackgroundWorkerContext
from examples.media_library.database import path_text
from examples.media_library.files import CHUNK_BYTES, CopyPlan, copy, plan_copy
from examples.media_library.tasks import CopyOperationTask, CopyProgress

SPEED_WINDOW_SECONDS = 3.0
SPEED_STEP_SECONDS = 0.05

Context = BackgroundWorkerContext[CopyOperationTask, CopyProgress]


class CopyOperationWorker(BackgroundWorker[CopyOperationTask, CopyProgress]):
    """Copies in chunks; ``bytes_per_second_limit`` slows it down, ``None`` doesn't."""

    def __init__(self, bytes_per_second_limit: int | None = None) -> None:
        self._limit = bytes_per_second_limit

    def execute(self, context: Context) -> None:
        task = context.task
        context.report_status("Looking at what there is to copy")
        plan = plan_copy(task.source, task.destination)
        running = RunningCopy(context, plan, self._limit)
        # The id in the name of the half-written copy: the next attempt finds what this one
        # left behind if the process is killed, and another task's is left alone.
        copy(plan, task.id.hex, running.wrote, self._chunk_bytes())
        running.report_finished()

    def _chunk_bytes(self) -> int:
        """Small enough that a slow copy still reports about ten times a second."""
        return CHUNK_BYTES if self._limit is None else max(1, min(CHUNK_BYTES, self._limit // 10))


@define
class RunningCopy:
    """How far one copy has come: reports it, keeps to the limit, ends it when asked."""

    context: Context
    plan: CopyPlan
    limit: int | None = None
    clock: Callable[[], float] = time.monotonic
    copied_bytes: int = 0
    copied_files: int = 0
    _current: Path | None = None
    _started_at: float = field(init=False)
    _speed: "SpeedMeter" = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._started_at = self.clock()
        self._speed = SpeedMeter(self._started_at)

    def wrote(self, path: Path, size: int) -> None:
        """One more chunk of ``path`` is written. Raises TaskCancelled if the copy should end."""
        if path != self._current:
            self.copied_files += self._current is not None
            self._current = path
        self.copied_bytes += size
        self._report(path)
        self._keep_to_limit()
        self.context.cancellation_token.raise_if_cancellation_requested()

    def report_finished(self) -> None:
        seconds = self.clock() - self._started_at
        payload = CopyProgress(
            copied_bytes=self.copied_bytes,
            total_bytes=self.copied_bytes,
            copied_files=len(self.plan.files),
            total_files=len(self.plan.files),
            bytes_per_second=self.copied_bytes / seconds if seconds > 0 else None,
            remaining_seconds=0.0,
        )
        self.context.report_progress(
            100.0, f"Copied to {path_text(self.plan.destination)}", payload=payload
        )

    def _report(self, path: Path) -> None:
        total = max(self.plan.total_bytes, self.copied_bytes)
        speed = self._speed.after(self.clock(), self.copied_bytes)
        payload = CopyProgress(
            copied_bytes=self.copied_bytes,
            total_bytes=total,
            copied_files=self.copied_files,
            total_files=len(self.plan.files),
            bytes_per_second=speed,
            remaining_seconds=(total - self.copied_bytes) / speed if speed else None,
            current_path=path_text(path),
        )
        # 100 % is for the finished copy.
        share = 99.9 * self.copied_bytes / total if total else 0.0
        self.context.report_progress(
            share, f"Copying {path_text(Path(path.name))}", payload=payload
        )

    def _keep_to_limit(self) -> None:
        if self.limit is None:
            return
        early = self.copied_bytes / self.limit - (self.clock() - self._started_at)
        if early > 0:
            # In place of time.sleep(): it wakes up when the copy is cancelled.
            self.context.cancellation_token.wait(early)


class SpeedMeter:
    """The speed of the last seconds: an average over the whole copy would hide a change."""

    def __init__(self, started_at: float) -> None:
        self._points: deque[tuple[float, int]] = deque([(started_at, 0)])

    def after(self, now: float, copied_bytes: int) -> float | None:
        """Bytes per second, ``copied_bytes`` having been reached at ``now``."""
        if now - self._points[-1][0] >= SPEED_STEP_SECONDS:
            self._points.append((now, copied_bytes))
        while len(self._points) > 2 and now - self._points[1][0] > SPEED_WINDOW_SECONDS:
            self._points.popleft()
        since, bytes_then = self._points[0]
        return (copied_bytes - bytes_then) / (now - since) if now > since else None

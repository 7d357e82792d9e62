"""Notices a blocked event loop and logs where it is blocked."""

import asyncio
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from types import FrameType

from bgtasks.clock import Timing
from bgtasks.concurrency.threads import call_in_own_thread
from bgtasks.logs import LoggedTask, log_fields

__all__ = ["LoopWatch", "time_that_counts"]

logger: logging.Logger = logging.getLogger(__name__)

BEATS = 4
"""How many signs of life the loop is asked for within ``blocked_after``."""

LOOK_EVERY = 0.1
"""The longest single wait of the watching thread, as a fraction of ``blocked_after``."""

LAGS = 40
"""Of how many of the last signs of life it is known how late they came: those of ten seconds, where
``blocked_after`` is one."""

FRAMES = 5
"""How many of the innermost frames are named."""


class LoopWatch:
    """A thread that logs a WARNING once for each block of the running event loop, and the block's
    length once it is over. To be started and stopped on that loop; starting or stopping twice is
    harmless.

    ``whose_turn`` tells which task's code runs on the loop, from any thread.
    """

    def __init__(
        self,
        timing: Timing,
        whose_turn: Callable[[], LoggedTask | None] = lambda: None,
    ) -> None:
        self._whose_turn = whose_turn
        self._limit = timing.blocked_after
        self._long = timing.long_block
        self._grace = timing.watch_grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._wake = threading.Event()
        self._answered = False
        self._asked_at = 0.0
        self._lags: deque[float] = deque(maxlen=LAGS)
        self._stopping = False
        self._blocked_since: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the running event loop."""
        if self._thread is not None:
            return
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="bgtasks loop watch", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the watch; when this returns, the thread has ended."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping = True
            self._wake.set()
            # Not joined on the loop: the thread may be in a log handler that waits for the loop.
            join = partial(thread.join, self._grace)
            await call_in_own_thread(join, "bgtasks loop watch's end")
            if thread.is_alive():
                logger.error("the loop watch did not end within %g seconds", self._grace)

    @property
    def blocked_for(self) -> float:
        """For how many seconds the loop has been blocked; 0: it is not (any thread)."""
        since = self._blocked_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def lag(self) -> float:
        """How many seconds late the loop came round at worst in the last seconds (on the loop)."""
        return max([self.blocked_for, *self._lags])

    @property
    def trouble(self) -> str | None:
        """Says that the loop has been blocked for long; ``None``: it has not (any thread)."""
        seconds = self.blocked_for
        if seconds <= self._long:
            return None
        return f"the event loop has been blocked for {seconds:.0f} seconds: see the log"

    def _run(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            if not self._ask():
                return
            if not self._answers_within(self._limit):
                self._report(began)
            self._wake.clear()
            if not self._stopping:
                self._wake.wait(self._limit / BEATS)

    def _ask(self) -> bool:
        """Ask the loop for a sign of life; ``False`` if it has been closed."""
        self._answered = False
        self._asked_at = time.monotonic()
        self._wake.clear()
        try:
            assert self._loop is not None  # noqa: S101 - start() has set it
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            return False
        return True

    def _answer(self) -> None:
        self._loop_thread = threading.get_ident()
        self._lags.append(time.monotonic() - self._asked_at)
        self._answered = True
        self._wake.set()

    def _answers_within(self, seconds: float) -> bool:
        """Whether the loop answered, or needed not to: nobody runs it, or the watch ends."""
        passed, step = 0.0, seconds * LOOK_EVERY
        while not (self._answered or self._stopping):
            if passed >= seconds:
                return False
            if self._loop is None or not self._loop.is_running():
                return True
            began, used = time.monotonic(), time.process_time()
            self._wake.wait(step)
            used = time.process_time() - used
            passed += time_that_counts(time.monotonic() - began, used, step)
        return True

    def _report(self, began: float) -> None:
        self._blocked_since = began
        try:
            self._warn(time.monotonic() - began)
        except Exception:  # the loop may be anywhere, also where its task cannot be told
            logger.exception("the event loop does not come round, and where it stands is unknown")
        while not (self._answered or self._stopping):
            self._wake.wait()
        self._blocked_since = None
        if self._answered:
            logger.warning(
                "the event loop comes round again after %.1f seconds", time.monotonic() - began
            )

    def _warn(self, seconds: float) -> None:
        task = self._whose_turn()
        whose = f" in task {task.id} ({task.type}), attempt {task.attempt}" if task else ""
        logger.warning(
            "the event loop has not come round for %.1f seconds: it stands%s at %s. Nothing else "
            "runs on it meanwhile: do long work in a thread (a worker with a plain `def execute`, "
            "or asyncio.to_thread)",
            seconds,
            whose,
            ", called from ".join(_places(sys._current_frames().get(self._loop_thread))),  # noqa: SLF001
            extra=log_fields(task),
        )


def time_that_counts(elapsed: float, used: float, asked: float) -> float:
    """How many seconds count of a wait of ``asked`` seconds that took ``elapsed`` seconds, in which
    this process used the processor for ``used`` seconds.

    Only time in which this process ran counts. While the process is stopped or the machine is
    suspended, every clock goes on and nobody is to blame. If the process ran but the watching
    thread did not, somebody held the interpreter's lock, the worst of blocks.
    """
    return min(elapsed, max(asked, used))


def _places(frame: FrameType | None) -> list[str]:
    """File, line and function of the innermost frames, the innermost first."""
    places: list[str] = []
    while frame is not None and len(places) < FRAMES:
        code = frame.f_code
        places.append(f"{code.co_filename}:{frame.f_lineno} in {code.co_name}")
        frame = frame.f_back
    return places or ["an unknown place"]

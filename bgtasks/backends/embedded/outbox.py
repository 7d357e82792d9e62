"""What running attempts have to say, until it is written."""

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded.refusals import is_final_refusal
from bgtasks.backends.embedded.store import Store
from bgtasks.backends.embedded.writer import Writer
from bgtasks.clock import Clock, Timer
from bgtasks.core.lifecycle import Ended, Failed, Reported
from bgtasks.core.text import describe

__all__ = ["Outbox"]

logger = logging.getLogger(__name__)

TRY_AGAIN_AFTER = 1.0
"""Seconds between two tries to write what the disk does not take."""

FLUSH_WITHIN = 10.0
"""Seconds that the last tries of a stop may take; the writer answers earlier if it can."""

NOT_STORED = "The outcome could not be stored: "
"""How the message of an attempt begins whose outcome the file can never take."""

WriteEnd = Callable[[Store, UUID, Ended], Any]


class Outbox:
    """Hands reports and outcomes to the writer, again and again where the disk refuses.

    What the file can never take is not tried again: such a report is dropped, and in place of
    such an outcome the attempt has failed with the reason.

    Of several reports of one task only the newest is written. It holds at most one report and
    one outcome for each attempt that runs or has not been settled.
    """

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._reports: dict[UUID, Reported] = {}
        self._reports_lock = threading.Lock()
        self._ends: dict[tuple[UUID, int], Ended] = {}
        self._retries: set[Timer] = set()
        self._closed = False

    def report(self, task_id: UUID, event: Reported) -> None:
        """Write a report some time soon, unless a newer one comes first."""
        if self._closed:
            return
        with self._reports_lock:
            first = not self._reports
            self._reports[task_id] = event
        if first:
            self._write_reports()

    def decided(self, task_id: UUID, event: Ended) -> None:
        """Write an outcome whose attempt still runs: its place stays taken."""
        if not self._closed:
            self._write_end(task_id, event, Store.apply)

    def ended(self, task_id: UUID, event: Ended) -> None:
        """Write the outcome of an attempt that has really ended, and free its place."""
        if self._closed:
            return
        with self._reports_lock:
            waiting = self._reports.get(task_id)
            if waiting is not None and waiting.attempt == event.attempt:
                del self._reports[task_id]  # the end carries the last report
        self._write_end(task_id, event, Store.end)

    def later(self, again: Callable[[], None]) -> None:
        """Try something again after a while."""
        if self._closed:
            return

        def run() -> None:
            self._retries.discard(timer)
            again()

        timer = self._clock.call_later(TRY_AGAIN_AFTER, run)
        self._retries.add(timer)

    async def flush(self) -> None:
        """One more try for outcomes that the disk has refused, all at once; then they are given
        up: their tasks are still running in the file, so the next start runs them again."""
        self.close()
        tries = {
            (task_id, event): self._writer.run(partial(Store.apply, task_id=task_id, event=event))
            for (task_id, _), event in self._ends.items()
        }
        if not tries:
            return
        done, _ = await asyncio.wait(tries.values(), timeout=FLUSH_WITHIN)
        for (task_id, event), outcome in tries.items():
            error: BaseException | None = TimeoutError("the disk does not answer")
            if outcome in done:
                error = outcome.exception()
            if error is not None:
                log_not_written("is lost, it will run again", task_id, event, error)

    def close(self) -> None:
        """Try nothing again."""
        self._closed = True
        for timer in self._retries:
            timer.cancel()
        self._retries.clear()

    def _write_end(
        self,
        task_id: UUID,
        event: Ended,
        write: WriteEnd,
        *,
        instead: bool = False,
        again: bool = False,
    ) -> None:
        """``instead``: ``event`` stands for an outcome that the file can never take; ``again``:
        it was tried before, which the log knows."""
        self._ends[task_id, event.attempt] = event

        def written(_: Any, error: Exception | None) -> None:
            if error is not None and not is_final_refusal(error):
                if not again:
                    log_not_written("is not written yet", task_id, event, error)
                self.later(
                    lambda: self._write_end(task_id, event, write, instead=instead, again=True)
                )
                return
            if self._ends.get((task_id, event.attempt)) is event:
                del self._ends[task_id, event.attempt]
            if error is not None:
                log_not_written("cannot be stored", task_id, event, error)
                self._write_instead(task_id, event, write, error, instead=instead)

        self._writer.tell(lambda store: write(store, task_id, event), written)

    def _write_instead(
        self, task_id: UUID, event: Ended, write: WriteEnd, error: Exception, *, instead: bool
    ) -> None:
        if not instead:
            reason = f"{NOT_STORED}{type(error).__name__}: {describe(error)}"
            failed = Ended(event.attempt, Failed(reason))
            self._write_end(task_id, failed, write, instead=True)
        elif write is Store.end:  # the place at least is free again
            self._writer.put(lambda store: store.release(task_id, event.attempt))

    def _write_reports(self) -> None:
        taken: dict[UUID, Reported] = {}

        def write(store: Store) -> dict[UUID, Exception]:
            """On the writer thread: take the newest of every report that waits now."""
            with self._reports_lock:
                taken.update(self._reports)
                self._reports.clear()
            return store.report(taken)

        def written(refused: dict[UUID, Exception], error: Exception | None) -> None:
            if error is not None:
                refused = dict.fromkeys(taken, error)
            waiting = {}
            for task_id, reason in refused.items():
                if is_final_refusal(reason):
                    logger.error("a report of task %s cannot be stored: %s", task_id, reason)
                else:
                    waiting[task_id] = taken[task_id]
            if waiting:
                reason = refused[next(iter(waiting))]
                logger.error("%d reports are not written yet: %s", len(waiting), reason)
                with self._reports_lock:
                    self._reports = {**waiting, **self._reports}
                self.later(self._write_reports)

        self._writer.tell(write, written)


def log_not_written(fate: str, task_id: UUID, event: Ended, error: BaseException) -> None:
    """``fate`` says in words what becomes of the outcome."""
    logger.error(
        "how task %s ended %s: %s",
        task_id,
        fate,
        error,
        extra={"task_id": str(task_id), "attempt": event.attempt},
    )

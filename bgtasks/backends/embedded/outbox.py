"""What running attempts have to say, until it is written."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from bgtasks.backends.embedded.store import Store
from bgtasks.backends.embedded.writer import Writer
from bgtasks.clock import Clock, Timer
from bgtasks.lifecycle import Ended, Reported

__all__ = ["Outbox"]

logger = logging.getLogger(__name__)

TRY_AGAIN_AFTER = 1.0
"""Seconds between two tries to write what the disk does not take."""

WriteEnd = Callable[[Store, UUID, Ended], Any]


class Outbox:
    """Hands reports and outcomes to the writer, again and again where the disk refuses.

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

    def report(self, task_id: UUID, event: Reported) -> None:
        """Write a report some time soon, unless a newer one comes first."""
        with self._reports_lock:
            first = not self._reports
            self._reports[task_id] = event
        if first:
            self._write_reports()

    def decided(self, task_id: UUID, event: Ended) -> None:
        """Write an outcome whose attempt still runs: its place stays taken."""
        self._write_end(task_id, event, Store.apply)

    def ended(self, task_id: UUID, event: Ended) -> None:
        """Write the outcome of an attempt that has really ended, and free its place."""
        with self._reports_lock:
            waiting = self._reports.get(task_id)
            if waiting is not None and waiting.attempt == event.attempt:
                del self._reports[task_id]  # the end carries the last report
        self._write_end(task_id, event, Store.end)

    def later(self, again: Callable[[], None]) -> None:
        """Try something again after a while."""

        def run() -> None:
            self._retries.discard(timer)
            again()

        timer = self._clock.call_later(TRY_AGAIN_AFTER, run)
        self._retries.add(timer)

    async def flush(self) -> None:
        """One more try for outcomes that the disk has refused; then they are given up: their
        tasks are still running in the file, so the next start runs them again."""
        for (task_id, _), event in list(self._ends.items()):
            try:
                await self._writer.run(partial(Store.apply, task_id=task_id, event=event))
            except Exception as error:
                logger.error(
                    "how task %s ended is lost, it will run again: %s",
                    task_id,
                    error,
                    extra={"task_id": str(task_id), "attempt": event.attempt},
                )

    def close(self) -> None:
        """Try nothing again."""
        for timer in self._retries:
            timer.cancel()
        self._retries.clear()

    def _write_end(self, task_id: UUID, event: Ended, write: WriteEnd) -> None:
        self._ends[task_id, event.attempt] = event

        def written(_: Any, error: Exception | None) -> None:
            if error is not None:
                logger.error(
                    "how task %s ended is not written yet: %s",
                    task_id,
                    error,
                    extra={"task_id": str(task_id), "attempt": event.attempt},
                )
                self.later(lambda: self._write_end(task_id, event, write))
            elif self._ends.get((task_id, event.attempt)) is event:
                del self._ends[task_id, event.attempt]

        self._writer.tell(lambda store: write(store, task_id, event), written)

    def _write_reports(self) -> None:
        taken: dict[UUID, Reported] = {}

        def write(store: Store) -> None:
            """On the writer thread: take the newest of every report that waits now."""
            with self._reports_lock:
                taken.update(self._reports)
                self._reports.clear()
            store.report(taken)

        def written(_: Any, error: Exception | None) -> None:
            if error is not None:
                logger.error("%d reports are not written yet: %s", len(taken), error)
                with self._reports_lock:
                    self._reports = {**taken, **self._reports}
                self.later(self._write_reports)

        self._writer.tell(write, written)

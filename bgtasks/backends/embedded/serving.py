"""Has what was claimed carried out, and hands over how it ended."""

import asyncio
import logging
from typing import Any
from uuid import UUID

from bgtasks.backends.base import AttemptRunner
from bgtasks.backends.embedded.outbox import Outbox
from bgtasks.backends.embedded.store import Store
from bgtasks.backends.embedded.writer import Writer
from bgtasks.core.lifecycle import Ended, Failed
from bgtasks.core.record import TaskRecord
from bgtasks.core.text import describe
from bgtasks.logs import log_fields

__all__ = ["Serving"]

logger = logging.getLogger(__name__)

STOP_WITHIN = 5.0
"""Seconds for which a stop waits for a disk to answer."""


class Serving:
    """The attempts of one open file. Claims are made by the store, at the end of each commit."""

    def __init__(self, store: Store, writer: Writer, outbox: Outbox) -> None:
        self._store = store
        self._writer = writer
        self._outbox = outbox
        self._runner: AttemptRunner | None = None
        self._stopping = asyncio.Event()
        self._attempts: set[asyncio.Future[Ended]] = set()

    @property
    def has_begun(self) -> bool:
        """Whether tasks are run here."""
        return self._runner is not None

    @property
    def running(self) -> int:
        """How many attempts run now."""
        return len(self._attempts)

    async def run(self, runner: AttemptRunner) -> None:
        """Claim, and have ``runner`` carry out what is claimed, until ``stop``; returns once every
        attempt has ended."""
        self._runner = runner
        if not self._stopping.is_set():
            self._store.serving = True  # read at the end of each commit
            self._claim()
            try:
                await self._stopping.wait()
            except asyncio.CancelledError:
                # The event loop ends without a stop: what it cuts off is not to be claimed again.
                self._store.serving = False
                raise
        self._stopping.clear()  # it may run again
        while self._attempts:
            await asyncio.wait(self._attempts)
            await asyncio.sleep(0)  # let the callbacks hand the outcomes over

    async def stop(self) -> None:
        """Claim nothing more; what was claimed before is started before this returns."""
        self._stopping.set()
        self._store.serving = False
        reached = self._writer.reached()
        await asyncio.wait([reached], timeout=STOP_WITHIN)
        if not reached.done():
            self._runner = None  # what is claimed yet is left to the next start
            logger.error("the disk has not answered for %g seconds: the stop goes on", STOP_WITHIN)

    def start(self, record: TaskRecord) -> None:
        """Carry out the attempt that ``record`` was claimed for."""
        if self._runner is None:
            return
        try:
            ended = self._runner.start(record)
        except Exception as error:
            logger.exception("task %s cannot be started", record.id, extra=log_fields(record))
            failed = Failed(f"It could not be started: {describe(error)}")
            self._outbox.ended(record.id, Ended(record.attempt, failed))
            return
        self._attempts.add(ended)
        ended.add_done_callback(lambda done: self._ended(record.id, done))

    def cancel(self, record: TaskRecord) -> None:
        """Tell the attempt that ``record`` is in that its cancellation was asked for."""
        try:
            if self._runner is not None:
                self._runner.cancel(record.id, record.attempt)
        except KeyboardInterrupt:
            raise
        except BaseException:
            logger.exception("task %s cannot be told", record.id, extra=log_fields(record))

    def _ended(self, task_id: UUID, ended: "asyncio.Future[Ended]") -> None:
        self._attempts.discard(ended)
        self._outbox.ended(task_id, ended.result())

    def _claim(self) -> None:
        """Claims are made at the end of each commit, also of one without anything else in it.
        What the disk does not take now is claimed with a later one."""
        self._writer.tell(Store.idle, self._claimed)

    def _claimed(self, _: Any, error: Exception | None) -> None:
        if error is not None:
            logger.error("waiting tasks cannot be claimed now: %s", error)
            self._outbox.later(self._claim)

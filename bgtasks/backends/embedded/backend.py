"""The embedded backend: one SQLite file, one owning process."""

import asyncio
from collections.abc import Sequence
from functools import partial

from bgtasks.backends.embedded.caller import CallerTransaction
from bgtasks.backends.embedded.database import DatabaseFiles, open_files
from bgtasks.backends.embedded.file_store import FileStore
from bgtasks.backends.embedded.own_process import OwnProcess
from bgtasks.backends.embedded.patience import Patience
from bgtasks.backends.loops.marking import Marking
from bgtasks.backends.loops.pacing import OutboxPace, ServingPace
from bgtasks.backends.loops.recovery import Recovery
from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.loops.store_backend import OpenStore, StoreBackend
from bgtasks.clock import Clock
from bgtasks.concurrency.threads import CallingThread
from bgtasks.registry import Registry

__all__ = ["TRY_AGAIN_AFTER", "EmbeddedBackend"]

TRY_AGAIN_AFTER = 1.0
"""Seconds between two tries to write what the disk has refused."""


class EmbeddedBackend(StoreBackend[FileStore]):
    """Keeps tasks in the SQLite file ``path`` (``":memory:"``: nowhere) and runs them here."""

    kind = "sqlite"

    def __init__(
        self,
        path: str,
        registry: Registry,
        clock: Clock,
        *,
        max_concurrency: int = 100,
        types: Sequence[str] | None = None,
        patience: Patience | None = None,
        outside_transactions: bool = False,
    ) -> None:
        super().__init__(path, clock)
        self._registry = registry
        self._caller = CallerTransaction(accepted=outside_transactions)
        self._patience = patience or Patience()
        self._process = OwnProcess(registry.claimed(types), max_concurrency, clock)

    async def _open(self) -> OpenStore[FileStore]:
        reading = CallingThread("bgtasks reader")
        opening = reading.call(partial(open_files, self._name))
        try:
            files = await asyncio.shield(opening)
        except BaseException:
            opening.add_done_callback(_close_unused)  # the start was cancelled meanwhile
            reading.stop()
            raise
        store = FileStore(
            self._name,
            files,
            reading,
            self._process,
            self._registry,
            self._clock,
            self._patience,
            self._caller,
            self.subscribers.tell_all,
            self.type_subscribers.tell,
            self.schedule_subscribers.tell,
            self.log_subscribers.tell,
        )
        try:
            await store.prepare()
            await Recovery(store, self._registry, self._clock, self.now).take_back()
            await store.begin_marking(Marking(store, self.now))
        except BaseException:
            await store.close()
            raise
        return OpenStore(
            store,
            Runs(self._process.max_concurrency),
            self._clock,
            self.now,
            outbox_pace=OutboxPace(pauses=(TRY_AGAIN_AFTER,)),
            serving_pace=ServingPace(pauses=(TRY_AGAIN_AFTER,)),
        )


def _close_unused(opening: "asyncio.Future[DatabaseFiles]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        files = opening.result()
        if files.reading is not None:
            files.reading.close()
        files.close()

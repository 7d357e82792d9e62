"""When this process looks for tasks to claim."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from bgtasks.backends.postgres.claiming import Claiming
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.engine import JOBS_CHANNEL, Jobs, is_cancellation
from bgtasks.backends.postgres.listener import Listener
from bgtasks.backends.postgres.loops import Backoff, Seldom, end_within, wait_set
from bgtasks.backends.postgres.runs import Runs
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.clock import SystemClock
from bgtasks.concurrency.lasting import LastingLoop
from bgtasks.registration import Registry

__all__ = ["BATCH", "Serving"]

logger = logging.getLogger(__name__)

BATCH = 50
"""Jobs claimed in one transaction."""

LOOK_EVERY = 5.0
"""Seconds after which the queue is looked at when no notification comes."""

LOOK_AGAIN = (0.05, 0.1, 0.2, 0.5)
"""Seconds before another look at what could start but was not given: other workers had it locked,
or as many of its type run as may. The last one goes for all that follow."""

MANY_LOOKS = 50
"""Looks without a pause that gave nothing, before notifications are answered more slowly: anybody
who may connect can send them."""

SLOWLY = 0.05
"""Seconds between two looks then."""

AT_STOP = 3.0
"""Seconds that a stop waits for a claim that is under way, and then once more for what became of
claims whose answer was lost."""

REFUSES = "gives no tasks"


class Serving:
    """Claims tasks of ``types``, as many as ``runs`` has places for.

    ``claiming`` claims them and starts their attempts. ``cancel_heard()`` is called when a
    notification says that a running task was asked to end: whether it was is not known by that.
    """

    def __init__(
        self,
        database: Database,
        listener: Listener,
        registry: Registry,
        runs: Runs,
        *,
        types: Sequence[str],
        claiming: Claiming,
        cancel_heard: Callable[[], None],
    ) -> None:
        self._database = database
        self._listener = listener
        self._runs = runs
        self._claiming = claiming
        self._cancel_heard = cancel_heard
        self._limits = {
            item.type_name: item.max_concurrency or 0
            for item in registry
            if item.type_name in types
        }
        self._in_claim = asyncio.Lock()
        self._news = asyncio.Event()
        self._looked = asyncio.Event()
        self._stopped = asyncio.Event()
        self._had_no_room = False
        self._looks_in_vain = 0
        self._looks_without_pause = 0
        self._backoff = Backoff()
        self._junk = Seldom()
        self._loop = LastingLoop("giving tasks to this process", self._round, SystemClock())

    @property
    def trouble(self) -> str | None:
        """Why no tasks are given here, in words."""
        return self._loop.trouble

    async def run(self) -> None:
        """Claim until ``stop``."""
        await self._listener.add(JOBS_CHANNEL, self._heard)
        self._loop.start()
        try:
            await self._stopped.wait()
        finally:
            self._listener.remove(JOBS_CHANNEL, self._heard)
            await end_within(self._loop.stop())

    async def stop(self) -> None:
        """Claim nothing more; when this returns, no further attempt will be started. Claims whose
        answer was lost are handed back, if the server says within seconds what became of them."""
        self._news.set()
        self._looked.set()
        try:
            async with asyncio.timeout(AT_STOP):
                async with self._in_claim:
                    self._claiming.close()
        except TimeoutError:
            logger.warning("%s does not answer a claim: not waited for", self._database.name)
            self._claiming.close()
        self._stopped.set()
        await end_within(self._loop.stop())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AT_STOP):
                await self._hand_back()

    def wake(self) -> None:
        """There may be something to claim."""
        self._news.set()

    def has_ended_one(self) -> None:
        """An attempt has ended: if its place was waited for, look at the queue."""
        if self._had_no_room:
            self._had_no_room = False
            self.wake()

    async def looked(self) -> None:
        """Wait until the queue was looked at once more, from beginning to end."""
        self._looked.clear()
        self.wake()
        if not self._stopped.is_set():
            await self._looked.wait()

    async def _hand_back(self) -> None:
        backoff = Backoff()
        while self._claiming.is_open:
            try:
                await self._claiming.look_up()
            except SERVER_ERRORS as error:
                self._database.failed(REFUSES, error)
                await backoff.wait()

    # Looking

    async def _round(self) -> None:
        self._news.clear()
        wait = await self._look()
        if not self._news.is_set():
            self._looked.set()
        elif self._looks_without_pause > MANY_LOOKS:
            await asyncio.sleep(SLOWLY)
        if not await wait_set(self._news, wait):
            self._looks_without_pause = 0

    async def _look(self) -> float:
        """Claim what can be claimed; for how many seconds to wait for news then."""
        try:
            self._looks_without_pause += 1
            while await self._claim():
                self._looks_in_vain = 0
            wait = await self._until_next_look()
        except SERVER_ERRORS as error:
            self._database.failed(REFUSES, error)
            await self._backoff.wait()
            return 0
        self._database.works(REFUSES)
        self._backoff.reset()
        return wait

    async def _claim(self) -> bool:
        """Claim a batch; whether there may be more."""
        async with self._in_claim:
            await self._claiming.look_up()
            size = min(BATCH, self._runs.free)
            self._had_no_room = size <= 0
            if self._claiming.is_closed or size <= 0:
                return False
            claimed = await self._claiming.take(size, self._limits)
            if claimed:
                self._looks_without_pause = 0
            return claimed == size

    async def _until_next_look(self) -> float:
        if self._claiming.is_closed or self._had_no_room:
            return LOOK_EVERY  # an attempt that ends is news
        async with self._database.connection() as connection:
            due_in = await Jobs(connection).next_due(list(self._limits))
        if due_in is not None and not due_in:
            self._looks_in_vain += 1
            return LOOK_AGAIN[min(self._looks_in_vain, len(LOOK_AGAIN)) - 1]
        self._looks_in_vain = 0
        return LOOK_EVERY if due_in is None else min(due_in.total_seconds(), LOOK_EVERY)

    def _heard(self, payload: str) -> None:
        """A notification is a hint, whoever sent it: what is stored decides."""
        try:
            asks_to_end = is_cancellation(payload)
        except ValueError:
            if self._junk.may():
                logger.warning(
                    "a notification on %r is not PgQueuer's: %.200r", JOBS_CHANNEL, payload
                )
            return
        if asks_to_end:
            self._cancel_heard()
        else:
            self._news.set()

"""News of schedules for those who may control them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import islice

from bgtasks.clock import Clock, sleep
from bgtasks.core.codec import TaskCodec
from bgtasks.models import ScheduleInfo
from bgtasks.web.encoded_schedule import schedule_text
from bgtasks.web.hub.notices import Notices
from bgtasks.web.protocol import SCHEDULE_UPDATED

__all__ = ["ScheduleNews"]

AT_ONCE = 8
"""Schedules that are told of in one go."""

PAUSE = 0.05
"""Seconds after that: thousands of schedules may have the same tick."""

Find = Callable[[Collection[str]], Awaitable[Sequence[ScheduleInfo]]]


class ScheduleNews:
    """Reads schedules that have changed, each once however often it has meanwhile."""

    def __init__(self, find: Find, notices: Notices, codec: TaskCodec, clock: Clock) -> None:
        self._find = find
        self._notices = notices
        self._codec = codec
        self._clock = clock
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()

    def put(self, names: Collection[str]) -> None:
        """Schedules have changed: on the event loop, never waits."""
        self._changed.update(dict.fromkeys(names))
        self._news.set()

    async def run(self) -> None:
        """Wait for news and tell of it; to be called again and again."""
        await self._news.wait()
        self._news.clear()
        while names := list(islice(self._changed, AT_ONCE)):
            for name in names:
                del self._changed[name]
            for info in await self._find(names):
                self._notices.tell(SCHEDULE_UPDATED, schedule_text(info, self._codec))
            await sleep(self._clock, PAUSE)

"""The hub between one start and the stop after it: the one place that knows all its parts."""

import logging
from collections.abc import Collection

from bgtasks.clock import Clock
from bgtasks.concurrency.lasting import LastingLoop, ends_this_task
from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_types import TypeInfo
from bgtasks.logs import log_safely
from bgtasks.manager import BackgroundTaskManager
from bgtasks.settings import Settings
from bgtasks.web.access import TaskAccess
from bgtasks.web.encoded_task import Info
from bgtasks.web.encoded_type import type_text
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.broadcaster import Broadcaster
from bgtasks.web.hub.client_slots import ClientSlots
from bgtasks.web.hub.dispatcher import Dispatcher
from bgtasks.web.hub.log_news import LogNews
from bgtasks.web.hub.notices import Notices
from bgtasks.web.hub.reception import Reception
from bgtasks.web.hub.replay import Replay
from bgtasks.web.hub.schedule_news import ScheduleNews
from bgtasks.web.hub.shared_reads import SharedReads
from bgtasks.web.hub.socketio.events import ClientEvents
from bgtasks.web.hub.socketio.sockets import Sockets
from bgtasks.web.hub.sse.streams import Streams
from bgtasks.web.hub.stats_news import StatsNews
from bgtasks.web.judge import Judge
from bgtasks.web.operator_access import OperatorAccess
from bgtasks.web.origins import OriginCheck
from bgtasks.web.protocol import TYPE_UPDATED
from bgtasks.web.refusal_log import RefusalLog

__all__ = ["HubRun"]

logger: logging.Logger = logging.getLogger(__name__)


class HubRun:
    """Builds the parts of the hub and connects them; serves until it is stopped, once."""

    def __init__(
        self,
        manager: BackgroundTaskManager,
        judge: Judge,
        refusals: RefusalLog,
        settings: Settings,
        codec: TaskCodec,
        clock: Clock,
        max_clients: int,
        max_strangers: int,
    ) -> None:
        self._codec = codec
        self._background = BackgroundSet()
        self.audience: Audience = Audience(judge, clock, self._background)
        slots = ClientSlots(self.audience, refusals, max_clients, settings.max_clients_per_user)
        reads = SharedReads(manager)
        shared = TaskAccess(manager, judge, reads)
        self._replay = Replay(shared, codec, manager.now)
        reception = Reception(self.audience, judge, self._replay, slots, self._background)
        self._log_news = LogNews(self.audience, shared, reads, codec, clock, self._background)
        self._stats_news = StatsNews(
            manager.get_stats, self.audience, OperatorAccess(manager, judge), codec, clock
        )
        access = TaskAccess(manager, judge)
        events = ClientEvents(
            access, self.audience, self._replay, codec, self._log_news, self._stats_news
        )
        origins = OriginCheck(settings.allowed_origins, refusals)
        self.sockets: Sockets = Sockets(
            reception, slots, events, origins, refusals, clock, max_strangers
        )
        self.streams: Streams = Streams(reception, self._log_news, clock)
        self.dispatcher: Dispatcher = Dispatcher(self.audience, self.sockets.fan_out, codec)
        self._broadcaster = Broadcaster(self.dispatcher.broadcast)
        self._notices = Notices(self.audience, judge, clock, self._background)
        self._schedule_news = ScheduleNews(manager.find_schedules, self._notices, codec, clock)
        self._loops = self._start_loops(clock)
        self._unsubscribe = [
            manager.task_updated.subscribe(self._on_update),
            manager.type_updated.subscribe(self._on_type),
            manager.schedule_updated.subscribe(self._on_schedules),
            manager.log_updated.subscribe(self._log_news.put),
        ]

    def _start_loops(self, clock: Clock) -> list[LastingLoop]:
        loops = [
            LastingLoop("sending updates to clients", self._broadcaster.run, clock),
            LastingLoop("telling clients of schedules", self._schedule_news.run, clock),
            LastingLoop("sending new lines of logs", self._log_news.run, clock),
            LastingLoop("telling clients how things are", self._stats_news.run, clock),
            LastingLoop("asking whether clients may stay", self._tend, clock),
            LastingLoop("ending event streams with the server", self.streams.tend, clock),
        ]
        for loop in loops:
            loop.start()
        return loops

    @property
    def trouble(self) -> str | None:
        """What keeps clients from being served, in words; ``None`` if nothing does."""
        return next((loop.trouble for loop in self._loops if loop.trouble is not None), None)

    async def stop(self) -> None:
        """Disconnect everybody and end everything that was started; logs what that raises."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        ends = [loop.stop for loop in self._loops]
        for end in (*ends, self.sockets.stop, self.streams.stop, self._background.close):
            try:
                await end()
            except BaseException as error:
                if ends_this_task(error):
                    raise
                log_safely(logger, logging.ERROR, "a part of the hub did not end well", error=error)

    async def _tend(self) -> None:
        self.sockets.close_unread()
        await self.audience.renew()

    def _on_type(self, info: TypeInfo) -> None:
        self._notices.tell(TYPE_UPDATED, type_text(info, self._codec))

    def _on_schedules(self, names: Collection[str]) -> None:
        if len(self.audience):
            self._schedule_news.put(names)

    def _on_update(self, info: Info) -> None:
        self._replay.note(info)
        if len(self.audience):
            self._broadcaster.put(info)

"""What a new client is sent first: the active tasks, and those that ended lately."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from attrs import frozen

from bgtasks.concurrency.pace import Pace
from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_filter import TaskFilter
from bgtasks.models import UNSET, BackgroundTaskStatus
from bgtasks.web.access import TaskAccess
from bgtasks.web.encoded_task import EncodedTask, Info
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.judge import is_among
from bgtasks.web.listing import PageRequest
from bgtasks.web.requester import Requester

__all__ = ["Replay"]

MAX_ACTIVE = 200
"""How many active tasks are replayed, the running ones first, then the newest."""

MAX_ENDED = 50
"""How many ended tasks are replayed: those that ended last."""

ENDED_WITHIN = timedelta(minutes=10)

SCANNED = 200
"""How many of the newest final tasks are checked for a recent end."""

MAX_PAYLOADS = 1024 * 1024
"""How many characters of snapshots with large payloads are replayed; the last one may go beyond."""

MAX_REMEMBERED = 1000
"""How many endings are remembered, for tasks that are older than those scanned."""

_FINAL = [status for status in BackgroundTaskStatus if status.is_final]


@frozen
class _Ending:
    type: str
    owner: str | None


class Replay:
    """Reads the snapshots that a client needs at the start of its subscription."""

    def __init__(self, access: TaskAccess, codec: TaskCodec, now: Callable[[], datetime]) -> None:
        self._access = access
        self._codec = codec
        self._now = now
        self._ended: OrderedDict[UUID, _Ending] = OrderedDict()

    def note(self, info: Info) -> None:
        """Remember that a task ended: one that was submitted long ago is none of the newest."""
        if info.status.is_final:
            self._ended[info.id] = _Ending(info.type, info.owner)
            self._ended.move_to_end(info.id)
            if len(self._ended) > MAX_REMEMBERED:
                self._ended.popitem(last=False)

    async def read(self, requester: Requester, subscription: Subscription) -> list[EncodedTask]:
        """The tasks to show, oldest first: those that are active, those that ended lately, and
        those that are followed by their id. Of large payloads there are only those that are asked
        for, until they have a million characters together.
        """
        ids = {*(subscription.ids or ()), *subscription.payloads}
        asked = await self._access.find_all(requester, ids)
        infos = [info for info in asked if subscription.matches(info)]
        if subscription.types or subscription.is_everything:
            types = sorted(subscription.types) if subscription.types else None
            infos += await self._active(requester, types)
            infos += await self._lately_ended(requester, types)
        # A task that ended between two of the reads is in both: the later one is the newer.
        found = {info.id: info for info in infos}
        infos = sorted(found.values(), key=lambda info: (info.created_at, info.id))
        return await self._snapshots(requester, subscription, infos)

    async def _snapshots(
        self, requester: Requester, subscription: Subscription, infos: Iterable[Info]
    ) -> list[EncodedTask]:
        encoded_tasks: list[EncodedTask] = []
        left, pace = MAX_PAYLOADS, Pace()
        for info in infos:
            encoded = EncodedTask(info, self._codec)
            if left > 0 and info.payload_omitted and subscription.wants_payload(info):
                encoded = EncodedTask(await self._access.whole(requester, info), self._codec)
                left -= len(encoded.text)
            await pace.spent(len(encoded.text))
            encoded_tasks.append(encoded)
        return encoded_tasks

    async def _active(self, requester: Requester, types: list[str] | None) -> list[Info]:
        found: list[Info] = []
        # Running ones first: they must not be crowded out by thousands that wait.
        for status in (BackgroundTaskStatus.RUNNING, BackgroundTaskStatus.PENDING):
            if len(found) < MAX_ACTIVE:
                tasks = TaskFilter(type=UNSET if types is None else types, status=status)
                wanted = PageRequest(tasks=tasks, limit=MAX_ACTIVE - len(found))
                found += (await self._access.page(requester, wanted))[0]
        return found

    async def _lately_ended(self, requester: Requester, types: list[str] | None) -> list[Info]:
        tasks = TaskFilter(type=UNSET if types is None else types, status=_FINAL)
        wanted = PageRequest(tasks=tasks, limit=SCANNED)
        found = {info.id: info for info in (await self._access.page(requester, wanted))[0]}
        owners = await self._access.visible_owners(requester)
        remembered = [
            task_id
            for task_id, ending in reversed(self._ended.items())
            if (types is None or ending.type in types) and is_among(ending.owner, owners)
        ]
        missing = [task_id for task_id in remembered[:MAX_ENDED] if task_id not in found]
        for info in await self._access.find_all(requester, missing):
            found[info.id] = info
        return self._latest(found.values())

    def _latest(self, infos: Iterable[Info]) -> list[Info]:
        since = self._now() - ENDED_WITHIN
        ended = [i for i in infos if i.completed_at is not None and i.completed_at >= since]
        ended.sort(key=lambda info: info.completed_at or since)
        return ended[-MAX_ENDED:]

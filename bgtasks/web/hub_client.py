"""One Socket.IO client in our namespace: who it is, what it follows, what it still has to get."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from bgtasks.models import BackgroundTaskInfo
from bgtasks.web.connection import Connection
from bgtasks.web.requester import Requester
from bgtasks.web.subscription import Subscription

__all__ = ["Client", "Info", "newness"]

MAX_VERDICTS = 4096
"""Of how many tasks a client's connection remembers whether it may see them."""

MAX_BACKLOG = 10_000
"""How many tasks' newest snapshots wait for a client that reads too slowly."""

Info = BackgroundTaskInfo[Any]


def newness(info: Info) -> tuple[datetime, int]:
    """Of two snapshots of one id, the greater one is the newer.

    Revisions alone tell it, but for an id that is handed in again after its task was pruned.
    """
    return info.created_at, info.revision


class Client:
    """A client and its place in the stream of updates.

    ``backlog`` holds, per task, only the newest snapshot that the client could not be sent yet:
    because it reads slowly, or because it is ``held`` back until its replay has been read.
    """

    def __init__(
        self, sid: str, requester: Requester, subscription: Subscription, connection: Connection
    ) -> None:
        self.sid = sid
        self.requester = requester
        self.subscription = subscription
        self.connection = connection
        self.backlog: OrderedDict[UUID, Info] = OrderedDict()
        self.live = False
        self.held = False
        self.checked_at = 0.0
        self.replay: asyncio.Task[None] | None = None
        self.feeder: asyncio.Task[None] | None = None
        self._verdicts: OrderedDict[UUID, bool] = OrderedDict()

    def verdict(self, task_id: UUID) -> bool | None:
        """Whether the client may see the task, as far as the policy was asked before."""
        return self._verdicts.get(task_id)

    def remember(self, task_id: UUID, verdict: bool) -> None:
        """Remember what the policy said."""
        self._verdicts[task_id] = verdict
        if len(self._verdicts) > MAX_VERDICTS:
            self._verdicts.popitem(last=False)

    def authorized(self, now: float) -> None:
        """The policy let the client stay at ``now`` (monotonic); older verdicts are forgotten."""
        self.checked_at = now
        self._verdicts.clear()

    def put(self, info: Info) -> bool:
        """Have ``info`` wait for the client; ``False`` when there is no room."""
        waiting = self.backlog.get(info.id)
        if waiting is None and len(self.backlog) >= MAX_BACKLOG:
            return False
        if waiting is None or newness(waiting) < newness(info):
            self.backlog[info.id] = info
        return True

    def hold(self) -> None:
        """Let updates wait until :meth:`release`."""
        self.held = True

    def release(self, replay: Iterable[Info]) -> None:
        """Put ``replay`` before the updates that have come in meanwhile, the newest of each."""
        came, self.backlog = self.backlog, OrderedDict()
        for info in (*replay, *came.values()):
            self.put(info)
        self.held = False

    def caught_up(self, infos: Iterable[Info]) -> None:
        """The client gets ``infos`` by other means: what waits and is no newer is not needed."""
        for info in infos:
            waiting = self.backlog.get(info.id)
            if waiting is not None and newness(waiting) <= newness(info):
                del self.backlog[info.id]
        self.held = False

    def expel(self) -> None:
        """Send it nothing more and disconnect it; a JavaScript client comes back by itself."""
        self.live = False
        self.connection.close()

    def stop_replay(self) -> None:
        """End the reading of a replay that is not wanted any more."""
        if self.replay is not None:
            self.replay.cancel()
            self.replay = None

    def stop(self) -> None:
        """End what still runs for this client."""
        self.stop_replay()
        if self.feeder is not None:
            self.feeder.cancel()
            self.feeder = None
        self.live = False
        self.backlog.clear()

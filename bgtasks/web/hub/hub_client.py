"""Somebody who follows tasks: who it is, what it follows, what it still has to get."""

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from bgtasks.web.hub.snapshot import Info, Snapshot, newness
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.requester import Requester

__all__ = ["Client", "PacketQueue"]

MAX_VERDICTS = 4096
"""Of how many tasks a client's connection remembers whether it may see them."""

MAX_BACKLOG = 10_000
"""How many tasks' newest snapshots wait for a client that reads too slowly."""

MAX_DEPTH = 16
"""How many packets wait for a client before it counts as slow."""


class PacketQueue(Protocol):
    """What waits for one client inside the protocol library."""

    def qsize(self) -> int:
        """How many packets the client has not taken yet."""

    def put_nowait(self, packet: Any) -> None:
        """Have one more wait."""


class Client(ABC):
    """A client and its place in the stream of updates.

    ``backlog`` holds, per task, only the newest snapshot that the client could not be sent yet:
    because it reads slowly, or because it is ``held`` back until its replay has been read.
    ``queue`` is where it is sent what it can be sent at once; one without a queue fetches
    everything from its backlog, when it is ready for more.
    """

    queue: PacketQueue | None = None

    def __init__(self, sid: str, requester: Requester, subscription: Subscription) -> None:
        self.sid = sid
        self.requester = requester
        self.subscription = subscription
        self.backlog: OrderedDict[UUID, Snapshot] = OrderedDict()
        self.live = False
        self.held = False
        self.checked_at = 0.0
        self.replay: asyncio.Task[None] | None = None
        # By the number of the id: a UUID is hashed and compared by Python code.
        self._verdicts: OrderedDict[int, bool] = OrderedDict()
        self.verdict = self._verdicts.get
        """Whether the client may see the task with this ``id.int``, as far as the policy was
        asked before."""

    @abstractmethod
    async def opened(self) -> None:
        """Wait until the client can be sent something."""

    @abstractmethod
    def wake(self) -> None:
        """Begin to send what is in the backlog, as fast as the client reads."""

    @abstractmethod
    def expel(self) -> None:
        """Send it nothing more and end its connection; it comes back by itself."""

    @abstractmethod
    def refuse(self, error: str) -> None:
        """Send it nothing more but ``error``, and have it stay away."""

    def is_ready(self) -> bool:
        """Whether the client reads in time and can be sent something at once."""
        queue = self.queue
        return queue is not None and not (self.held or self.backlog) and queue.qsize() < MAX_DEPTH

    def remember(self, task_id: UUID, verdict: bool) -> None:
        """Remember what the policy said."""
        self._verdicts[task_id.int] = verdict
        if len(self._verdicts) > MAX_VERDICTS:
            self._verdicts.popitem(last=False)

    def authorized(self, now: float) -> None:
        """The policy let the client stay at ``now`` (monotonic); older verdicts are forgotten."""
        self.checked_at = now
        self._verdicts.clear()

    def put(self, snapshot: Snapshot) -> bool:
        """Have ``snapshot`` wait for the client; ``False`` when there is no room."""
        task_id = snapshot.info.id
        waiting = self.backlog.get(task_id)
        if waiting is None and len(self.backlog) >= MAX_BACKLOG:
            return False
        if waiting is None or newness(waiting.info) < newness(snapshot.info):
            self.backlog[task_id] = snapshot
        return True

    def hold(self) -> None:
        """Let updates wait until :meth:`release`."""
        self.held = True

    def release(self, replay: Iterable[Snapshot]) -> None:
        """Put ``replay`` before the updates that have come in meanwhile, the newest of each."""
        came, self.backlog = self.backlog, OrderedDict()
        for snapshot in (*replay, *came.values()):
            self.put(snapshot)
        self.held = False
        self.wake()

    def caught_up(self, infos: Iterable[Info]) -> None:
        """The client gets ``infos`` by other means: what waits and is no newer is not needed."""
        for info in infos:
            waiting = self.backlog.get(info.id)
            if waiting is not None and newness(waiting.info) <= newness(info):
                del self.backlog[info.id]
        self.held = False
        self.wake()

    def next_waiting(self) -> Snapshot | None:
        """Take from the backlog what the client is to be sent next."""
        while self.live and not self.held and self.backlog:
            _, snapshot = self.backlog.popitem(last=False)
            if self.subscription.matches(snapshot.info):
                return snapshot
        return None

    def stop_replay(self) -> None:
        """End the reading of a replay that is not wanted any more."""
        if self.replay is not None:
            self.replay.cancel()
            self.replay = None

    def stop(self) -> None:
        """End what still runs for this client."""
        self.stop_replay()
        self.live = False
        self.backlog.clear()

"""Somebody who follows tasks: who it is, what it follows, what it still has to get."""

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bgtasks.web.encoded_task import EncodedTask, Info, newness
from bgtasks.web.hub.backlog import Backlog
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.requester import Requester

__all__ = ["FanOut", "HubClient", "PacketQueue", "verdict_key"]

MAX_VERDICTS = 4096
"""Of how many tasks a client's connection remembers whether it may see them."""

MAX_DEPTH = 16
"""How many packets wait for a client before it counts as slow."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def verdict_key(info: Info) -> int:
    """What a verdict about ``info`` is kept under: its id and the time it was accepted, as an id
    may be used again, for a task of somebody else, after its first task was pruned.

    One number, for it is looked up for each client at each update: a UUID is hashed and compared
    by Python code, and a tuple part by part.
    """
    return (info.id.int << 64) + (info.created_at - _EPOCH) // _MICROSECOND


class PacketQueue(Protocol):
    """What waits for one client inside the protocol library."""

    def qsize(self) -> int:
        """How many packets the client has not taken yet."""

    def put_nowait(self, packet: Any) -> None:
        """Have one more wait."""


class HubClient(ABC):
    """A client and its place in the stream of updates.

    ``backlog`` holds, per task, only the newest snapshot that the client could not be sent yet:
    because it reads slowly, or because it is ``held`` back until its replay has been read.
    ``queue`` is where it is sent what it can be sent at once; one without a queue fetches
    everything from its backlog, when it is ready for more. ``undecided`` holds the newest snapshot
    of each task about which the policy has still to be asked; one question at a time.
    """

    queue: PacketQueue | None = None

    def __init__(self, sid: str, requester: Requester, subscription: Subscription) -> None:
        self.sid = sid
        self.requester = requester
        self.party = requester.party
        self.subscription = subscription
        self.backlog = Backlog()
        self.undecided = Backlog()
        self.asking: asyncio.Task[None] | None = None
        self.live = False
        self.held = False
        self.checked_at = 0.0
        self.replay: asyncio.Task[None] | None = None
        self._verdicts: OrderedDict[int, bool] = OrderedDict()
        self.verdict = self._verdicts.get
        """Whether the client may see the task with this :func:`verdict_key`, as far as the policy
        was asked before."""

    @abstractmethod
    async def opened(self) -> None:
        """Wait until the client can be sent something."""

    @abstractmethod
    def wake(self) -> None:
        """Begin to send what is in the backlog, as fast as the client reads."""

    @abstractmethod
    async def notify(self, event: str, text: str) -> None:
        """Send it what is no update of a task: the event, with this JSON. Such news are rare."""

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

    def remember(self, info: Info, verdict: bool) -> None:
        """Remember what the policy said."""
        self._verdicts[verdict_key(info)] = verdict
        if len(self._verdicts) > MAX_VERDICTS:
            self._verdicts.popitem(last=False)

    def authorized(self, now: float) -> None:
        """The policy let the client stay at ``now`` (monotonic); older verdicts are forgotten."""
        self.checked_at = now
        self._verdicts.clear()

    def put(self, encoded: EncodedTask) -> bool:
        """Have ``snapshot`` wait for the client; ``False`` when there is no room."""
        return self.backlog.keep(encoded)

    def hold(self) -> None:
        """Let updates wait until :meth:`release`."""
        self.held = True

    def release(self, replay: Iterable[EncodedTask]) -> None:
        """Put ``replay`` before the updates that have come in meanwhile, the newest of each."""
        came, self.backlog = self.backlog, Backlog()
        for encoded in (*replay, *came.values()):
            if not self.put(encoded):
                self.expel()
                return
            self._drop_older_undecided(encoded.info)
        self.held = False
        self.wake()

    def caught_up(self, infos: Iterable[Info]) -> None:
        """The client gets ``infos`` by other means: what waits and is no newer is not needed."""
        for info in infos:
            waiting = self.backlog.get(info.id)
            if waiting is not None and newness(waiting.info) <= newness(info):
                self.backlog.take(info.id)
            self._drop_older_undecided(info)
        self.held = False
        self.wake()

    def next_waiting(self) -> EncodedTask | None:
        """Take from the backlog what the client is to be sent next."""
        while self.live and not self.held and self.backlog:
            encoded = self.backlog.take_oldest()
            if self.subscription.matches(encoded.info):
                return encoded
        return None

    def _drop_older_undecided(self, info: Info) -> None:
        if self.undecided.is_older(info):
            self.undecided.take(info.id)

    def forget_waiting(self) -> None:
        """Send nothing of what waits."""
        self.backlog.forget()
        self.undecided.forget()
        self.held = False

    def stop_replay(self) -> None:
        """End the reading of a replay that is no longer wanted."""
        if self.replay is not None:
            self.replay.cancel()
            self.replay = None

    def stop(self) -> None:
        """End what still runs for this client."""
        self.stop_replay()
        self.live = False
        self.forget_waiting()
        if self.asking is not None:
            self.asking.cancel()


class FanOut(Protocol):
    """A way to many clients at once."""

    async def broadcast(
        self, encoded: EncodedTask, clients: Iterable[HubClient]
    ) -> list[HubClient]:
        """Send it to all those that are ready for more, without waiting for them; returns the
        others."""

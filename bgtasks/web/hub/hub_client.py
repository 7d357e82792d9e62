"""A client that follows tasks: who it is, what it follows, what it has not been sent yet."""

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bgtasks.web.encoded_task import EncodedTask, Info, newness
from bgtasks.web.hub.backlog import Backlog
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.requester import Requester

__all__ = ["FanOut", "HubClient", "PacketQueue", "verdict_key"]

MAX_VERDICTS = 4096
"""For how many tasks a connection keeps the policy's answers."""

MAX_DEPTH = 16
"""The number of unsent packets at which a client counts as slow."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def verdict_key(info: Info) -> int:
    """The key of a verdict about ``info``, made of its id and the time it was accepted: after a
    task was pruned, its id may be used again for a task of somebody else.

    It is one number, because each update looks it up for each client: a UUID is hashed and compared
    by Python code, and a tuple part by part.
    """
    return (info.id.int << 64) + (info.created_at - _EPOCH) // _MICROSECOND


class PacketQueue(Protocol):
    """The protocol library's queue for one client."""

    def qsize(self) -> int:
        """How many packets have not been sent yet."""

    def put_nowait(self, packet: Any) -> None:
        """Append a packet."""


class HubClient(ABC):
    """A client and its place in the stream of updates.

    ``backlog`` holds the newest snapshot of each task that could not be sent yet, because the
    client reads slowly or because updates are ``held`` until its replay has been read. ``queue``
    takes what can be sent at once; a client without a queue takes everything from its backlog when
    it can. ``undecided`` holds the newest snapshot of each task about which the policy has not
    answered yet; one question is asked at a time.
    """

    queue: PacketQueue | None = None

    def __init__(self, sid: str, requester: Requester, subscription: Subscription) -> None:
        self.sid = sid
        self.requester = requester
        self.party: str = requester.party
        self.subscription = subscription
        self.backlog: Backlog = Backlog()
        self.undecided: Backlog = Backlog()
        self.asking: asyncio.Task[None] | None = None
        self.live: bool = False
        self.held: bool = False
        self.checked_at: float = 0.0
        self.replay: asyncio.Task[None] | None = None
        self._verdicts: OrderedDict[int, bool] = OrderedDict()
        self.verdict: Callable[[int], bool | None] = self._verdicts.get
        """The policy's last answer for a :func:`verdict_key`; ``None`` if it was not asked."""

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
    def takes_news(self) -> bool:
        """Whether nothing that it was sent before waits for it to read."""

    @abstractmethod
    def expel(self) -> None:
        """Send nothing more and end the connection; the client reconnects by itself."""

    @abstractmethod
    def refuse(self, error: str) -> None:
        """Send ``error`` and nothing more; the client does not reconnect."""

    def is_ready(self) -> bool:
        """Whether the client reads in time and can be sent something at once."""
        queue = self.queue
        return queue is not None and not (self.held or self.backlog) and queue.qsize() < MAX_DEPTH

    def remember(self, info: Info, verdict: bool) -> None:
        """Keep the policy's answer."""
        self._verdicts[verdict_key(info)] = verdict
        if len(self._verdicts) > MAX_VERDICTS:
            self._verdicts.popitem(last=False)

    def authorized(self, now: float) -> None:
        """The policy let the client stay at ``now`` (monotonic); older verdicts are forgotten."""
        self.checked_at = now
        self._verdicts.clear()

    def put(self, encoded: EncodedTask) -> bool:
        """Keep the snapshot in the backlog; ``False`` if there is no room."""
        return self.backlog.keep(encoded)

    def hold(self) -> None:
        """Keep updates in the backlog until :meth:`release`."""
        self.held = True

    def release(self, replay: Iterable[EncodedTask]) -> None:
        """Send ``replay``, then the newest update of each task that has arrived meanwhile."""
        came, self.backlog = self.backlog, Backlog()
        for encoded in (*replay, *came.values()):
            if not self.put(encoded):
                self.expel()
                return
            self._drop_older_undecided(encoded.info)
        self.held = False
        self.wake()

    def caught_up(self, infos: Iterable[Info]) -> None:
        """The client gets ``infos`` in an answer: drop waiting snapshots that are not newer."""
        for info in infos:
            waiting = self.backlog.get(info.id)
            if waiting is not None and newness(waiting.info) <= newness(info):
                self.backlog.take(info.id)
            self._drop_older_undecided(info)
        self.held = False
        self.wake()

    def next_waiting(self) -> EncodedTask | None:
        """Take the next snapshot to send from the backlog; ``None`` if there is none."""
        while self.live and not self.held and self.backlog:
            encoded = self.backlog.take_oldest()
            if self.subscription.matches(encoded.info):
                return encoded
        return None

    def _drop_older_undecided(self, info: Info) -> None:
        if self.undecided.is_older(info):
            self.undecided.take(info.id)

    def forget_waiting(self) -> None:
        """Drop everything that waits."""
        self.backlog.forget()
        self.undecided.forget()
        self.held = False

    def stop_replay(self) -> None:
        """Stop reading the replay."""
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
    """Sends one snapshot to many clients."""

    async def broadcast(
        self, encoded: EncodedTask, clients: Iterable[HubClient]
    ) -> list[HubClient]:
        """Send the snapshot to every client that is ready, without waiting for any; returns the
        other clients."""

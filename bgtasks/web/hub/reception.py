"""Letting clients in: the policy, a free slot, and the replay."""

import logging

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.client_slots import ClientSlots
from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.hub.replay import Replay
from bgtasks.web.judge import Judge, PolicyFailedError
from bgtasks.web.requester import Requester

__all__ = ["Reception", "RefusedError"]

logger: logging.Logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """The client is not let in; the message is sent to it."""


class Reception:
    """Adds clients to the audience and removes them, for both protocols."""

    def __init__(
        self,
        audience: Audience,
        judge: Judge,
        replay: Replay,
        slots: ClientSlots,
        background: BackgroundSet,
    ) -> None:
        self._audience = audience
        self._judge = judge
        self._replay = replay
        self._slots = slots
        self._background = background

    async def check(self, requester: Requester) -> None:
        """Raise RefusedError unless ``requester`` may connect and a slot is free."""
        self._check_slots(requester)
        try:
            allowed = await self._judge.may_connect(requester)
        except PolicyFailedError:
            raise RefusedError("whether you may connect could not be found out") from None
        if not allowed:
            raise RefusedError("you may not use background tasks here")

    def admit(self, client: HubClient) -> None:
        """Take in a client that the policy has just let in, and send it the replay.

        Raises RefusedError when there are too many clients, in all or of one user.
        """
        self._check_slots(client.requester)
        self._audience.add(client)
        client.replay = self._background.start(self._welcome(client))

    def leave(self, sid: str) -> HubClient | None:
        """Remove a client that has left; returns it, or ``None`` if it was not there."""
        client = self._audience.get(sid)
        self._audience.remove(sid)
        return client

    def _check_slots(self, requester: Requester) -> None:
        if (reason := self._slots.why_full(requester)) is not None:
            raise RefusedError(reason)

    async def _welcome(self, client: HubClient) -> None:
        """Send the replay: not from within connect, where it would arrive before the answer."""
        await client.opened()
        # First take part, then read: an update in between waits until the replay is there.
        client.hold()
        client.live = True
        try:
            encoded_tasks = await self._replay.read(client.requester, client.subscription)
        except BaseException as error:
            if ends_this_task(error):
                raise
            # The client reconnects and gets a replay then; without one its page would be outdated.
            if not isinstance(error, PolicyFailedError):
                log_safely(
                    logger,
                    logging.ERROR,
                    "the tasks for a new client could not be read",
                    error=error,
                )
            client.expel()
            return
        client.release(encoded_tasks)
        client.replay = None

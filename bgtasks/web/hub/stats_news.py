"""How things are, for those who ask to be told again and again."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from attrs import evolve

from bgtasks.clock import Clock, sleep
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.codec import TaskCodec
from bgtasks.errors import BackgroundTasksError, NotAllowedError
from bgtasks.logs import log_safely
from bgtasks.models import Stats
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.judge import PolicyFailedError
from bgtasks.web.operator_access import OperatorAccess
from bgtasks.web.protocol import STATS_UPDATED
from bgtasks.web.requester import Requester

__all__ = ["StatsNews"]

logger: logging.Logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks at how things are."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StatsNews:
    """Looks how things are (``read``) once a second, while a client asks for it, and tells each of
    these what it has not been told. The policy is asked each time. A client that may no longer see
    statistics is disconnected: else it would show old numbers for ever.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Stats]],
        audience: Audience,
        access: OperatorAccess,
        codec: TaskCodec,
        clock: Clock,
    ) -> None:
        self._read = read
        self._audience = audience
        self._access = access
        self._codec = codec
        self._clock = clock
        self._told: WeakKeyDictionary[HubClient, Stats] = WeakKeyDictionary()
        self._asked = asyncio.Event()

    async def check(self, requester: Requester, subscription: Subscription) -> None:
        """Raises NotAllowedError where ``requester`` asks for what it may not see."""
        if subscription.stats:
            await self._access.check_may_see_statistics(requester)

    def follow(self, client: HubClient) -> None:
        """The client has another subscription from now on."""
        self._told.pop(client, None)
        if client.subscription.stats:
            self._asked.set()

    async def run(self) -> None:
        """Wait until a client asks, and tell each; to be called again and again."""
        await self._asked.wait()
        clients = [client for client in self._audience if client.subscription.stats]
        if not clients:
            self._asked.clear()
            return
        try:
            stats = await self._read()
        except BackgroundTasksError:
            pass  # what is shown so far gets older; the next look may be answered
        else:
            text = json.dumps(self._codec.data_of(stats), separators=(",", ":"))
            for client in clients:
                await self._tell(client, evolve(stats, as_of=_EPOCH), text)
        await sleep(self._clock, EVERY)

    async def _tell(self, client: HubClient, undated: Stats, text: str) -> None:
        """Send what has changed since the client was told."""
        if not client.live or self._told.get(client) == undated:
            return
        try:
            await self.check(client.requester, client.subscription)
            self._told[client] = undated
            await client.notify(STATS_UPDATED, text)
        except NotAllowedError:
            client.expel()  # it comes back, asks again, and so learns that it no longer may
        except PolicyFailedError:
            return  # which has been logged; it is asked again at the next look
        except BaseException as error:
            if ends_this_task(error):
                raise
            message = "%s could not be sent to a client"
            log_safely(logger, logging.ERROR, message, STATS_UPDATED, error=error)

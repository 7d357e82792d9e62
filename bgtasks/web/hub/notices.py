"""News of what concerns everybody's tasks, for those who may control them."""

import asyncio
import logging

from bgtasks.clock import Clock
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.hub.questions import Questions
from bgtasks.web.judge import Judge, PolicyFailedError

__all__ = ["Notices"]

logger: logging.Logger = logging.getLogger(__name__)


class Notices:
    """Tells each connected client that the policy lets control everybody's tasks, one piece of news
    after the other. Whoever connects later asks over HTTP."""

    def __init__(
        self, audience: Audience, judge: Judge, clock: Clock, background: BackgroundSet
    ) -> None:
        self._audience = audience
        self._judge = judge
        self._questions = Questions(clock)
        self._background = background
        self._in_turn = asyncio.Lock()

    def tell(self, event: str, text: str) -> None:
        """Send the event with this JSON: on the event loop, never waits."""
        if len(self._audience):
            self._background.start(self._tell(event, text))

    async def _tell(self, event: str, text: str) -> None:
        async with self._in_turn:
            clients = [client for client in self._audience if client.live]
            await asyncio.gather(*[self._tell_one(client, event, text) for client in clients])

    async def _tell_one(self, client: HubClient, event: str, text: str) -> None:
        try:
            async with self._questions.one():
                if await self._judge.may_control(client.requester):
                    await client.notify(event, text)
        except BaseException as error:
            if ends_this_task(error):
                raise
            if not isinstance(error, PolicyFailedError):  # which has been logged
                message = "%s could not be sent to a client"
                log_safely(logger, logging.ERROR, message, event, error=error)

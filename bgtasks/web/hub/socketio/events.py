"""The events a client may send, and the answer to each: always an ack with ``ok``."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.codec import TaskCodec
from bgtasks.logs import log_safely
from bgtasks.web.access import TaskAccess
from bgtasks.web.commands import COMMANDS, Command
from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.hub.log_news import LogNews
from bgtasks.web.hub.replay import Replay
from bgtasks.web.hub.socketio.server import JsonText
from bgtasks.web.hub.stats_news import StatsNews
from bgtasks.web.hub.subscription import NOTHING, Subscription
from bgtasks.web.protocol import SUBSCRIBE, UNSUBSCRIBE
from bgtasks.web.refusal_log import shown
from bgtasks.web.refusals import UNEXPECTED, refusal_of

__all__ = ["ClientEvents"]

logger: logging.Logger = logging.getLogger(__name__)

Ack = dict[str, Any] | JsonText
_Act = Callable[[HubClient, Any], Awaitable[Ack]]


class ClientEvents:
    """Answers ``Subscribe``, ``Unsubscribe`` and the commands."""

    def __init__(
        self,
        access: TaskAccess,
        audience: Audience,
        replay: Replay,
        codec: TaskCodec,
        log_news: LogNews,
        stats_news: StatsNews,
    ) -> None:
        self._access = access
        self._audience = audience
        self._replay = replay
        self._codec = codec
        self._log_news = log_news
        self._stats_news = stats_news
        # A list of what is allowed: nothing else that has a name can be called from outside.
        self._events: dict[str, tuple[Callable[[Any], Any], _Act]] = {
            SUBSCRIBE: (Subscription.from_message, self._subscribe),
            UNSUBSCRIBE: (_nothing, self._unsubscribe),
            **{one.event: (one.read, partial(self._carry_out, one)) for one in COMMANDS},
        }

    async def answer(self, sid: object, event: object, arguments: tuple[Any, ...]) -> Ack:
        """The ack of an event. There is always one, also for nonsense and after an error."""
        try:
            return await self._answer(sid, event, arguments)
        except BaseException as error:
            if ends_this_task(error):
                raise
            where = f"event {shown(event)}"
            if isinstance(error, Exception) and (refusal := refusal_of(error, where)) is not None:
                return _refusal(refusal.words(error))
            log_safely(logger, logging.ERROR, "unexpected error in %s", where, error=error)
            return _refusal(UNEXPECTED)

    async def _answer(self, sid: object, event: object, arguments: tuple[Any, ...]) -> Ack:
        if not isinstance(event, str) or event not in self._events:
            name = repr(event[:100]) if isinstance(event, str) else "no text"
            return _refusal(f"the event is {name}; accepted: {', '.join(self._events)}")
        client = self._audience.get(sid) if isinstance(sid, str) else None
        if client is None or not await self._audience.may_stay(client):
            return _refusal("you are not connected, or not allowed to be any more")
        if len(arguments) > 1:
            return _refusal(f"{event} got {len(arguments)} arguments; accepted: one")
        parse, act = self._events[event]
        try:
            argument = parse(arguments[0] if arguments else None)
        except ValueError as error:
            return _refusal(str(error))
        return await act(client, argument)

    async def _subscribe(self, client: HubClient, subscription: Subscription) -> Ack:
        await self._stats_news.check(client.requester, subscription)
        client.stop_replay()
        # First follow, then read: what changes in between comes as an update after the ack.
        client.subscription = subscription
        client.hold()
        client.live = True
        self._log_news.follow(client)
        encoded_tasks: list[EncodedTask] = []
        try:
            encoded_tasks = await self._replay.read(client.requester, subscription)
        finally:
            client.caught_up(encoded.info for encoded in encoded_tasks)
            self._stats_news.follow(client)
        return JsonText(f'{{"ok":true,"tasks":[{",".join(item.text for item in encoded_tasks)}]}}')

    async def _unsubscribe(self, client: HubClient, _: None) -> Ack:
        client.stop_replay()
        client.subscription = NOTHING
        self._log_news.follow(client)
        client.forget_waiting()
        return {"ok": True}

    async def _carry_out(
        self, command: Command, client: HubClient, argument: tuple[Any, dict[str, str]]
    ) -> Ack:
        name, given = argument
        answer = await self._access.carry_out(command, client.requester, name, **given)
        subject = command.on
        return JsonText(f'{{"ok":true,"{subject.noun}":{subject.text(answer, self._codec)}}}')


def _refusal(error: str) -> Ack:
    return {"ok": False, "error": error}


def _nothing(message: object) -> None:
    if message is not None and message != {}:
        raise ValueError(f"{UNSUBSCRIBE} takes no argument: it ends the whole subscription")

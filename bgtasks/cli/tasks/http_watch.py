"""Following one task over server-sent events, through broken connections."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from uuid import UUID

from bgtasks.cli.tasks.client import Info
from bgtasks.cli.tasks.event_parser import EventParser, ServerEvent
from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.http_answer import check_answer
from bgtasks.cli.tasks.http_bounds import HttpBounds
from bgtasks.cli.tasks.http_exchange import Answer, Http, HttpError
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.tasks.wire_shape import info_in
from bgtasks.cli.usage import CommandFailedError, UnavailableError
from bgtasks.errors import NotAllowedError
from bgtasks.web.encoded_task import newness
from bgtasks.web.protocol import EVENTS, REFUSED, TASK_UPDATED

__all__ = ["HttpWatch"]


class HttpWatch:
    """The updates of one task. A broken event stream is opened again. If the stream cannot be
    opened though the application answers, the task is polled every second."""

    def __init__(
        self,
        http: Http,
        address: HttpAddress,
        task_id: UUID,
        get: Callable[[UUID], Awaitable[Info]],
        bounds: HttpBounds,
    ) -> None:
        self._http = http
        self._address = address
        self._task_id = task_id
        self._get = get
        self._bounds = bounds
        self._newest: Info | None = None
        self._heard_at = time.monotonic()

    async def updates(self) -> AsyncGenerator[Info, None]:
        """The present snapshot first, then each newer one, the final one last.

        Raises CommandFailedError if the application has not answered for a minute, or does not
        answer the first request.
        """
        while True:
            try:
                async with aclosing(self._connected()) as infos:
                    async for info in infos:
                        if self._is_news(info):
                            yield info
                            if info.status.is_final:
                                return
            except UnavailableError as error:
                self._check_patience(error)
            await asyncio.sleep(self._bounds.pause)

    def _is_news(self, info: Info) -> bool:
        if info.id != self._task_id:
            return False
        if self._newest is not None and newness(info) <= newness(self._newest):
            return False
        self._newest = info
        return True

    def _check_patience(self, error: UnavailableError) -> None:
        if self._newest is None:
            raise error
        silent = time.monotonic() - self._heard_at
        if silent >= self._bounds.give_up:
            raise CommandFailedError(
                f"no answer for {silent:.0f} seconds ({error}); the task goes on without you: "
                f"watch it again later"
            ) from None

    async def _connected(self) -> AsyncGenerator[Info, None]:
        """The snapshots until the connection ends. Raises UnavailableError if it breaks."""
        # The stream does not tell that a task no longer exists.
        yield await self._get(self._task_id)
        self._heard_at = time.monotonic()
        try:
            async with self._http.exchange(
                "GET", EVENTS, [("ids", str(self._task_id))], silence=self._bounds.silence
            ) as answer:
                await check_answer(answer, is_logged_in=bool(self._address.headers))
                async with aclosing(self._events(answer)) as events:
                    async for event in events:
                        if (info := _task_in(event)) is not None:
                            yield info
        except HttpError as error:
            raise UnavailableError(f"the connection broke: {error}") from None

    async def _events(self, answer: Answer) -> AsyncGenerator[ServerEvent, None]:
        parser = EventParser(self._bounds.max_event)
        async for chunk in answer.body:
            self._heard_at = time.monotonic()
            try:
                events = parser.feed(chunk)
            except ValueError as error:
                raise CommandFailedError(f"{self._address.url} sends too much: {error}") from None
            for event in events:
                yield event


def _task_in(event: ServerEvent) -> Info | None:
    if event.name not in (TASK_UPDATED, REFUSED):
        return None
    try:
        data = json.loads(event.data)
    except (ValueError, RecursionError) as error:
        raise CommandFailedError(f"an update is no JSON: {one_line(str(error))}") from None
    if event.name == TASK_UPDATED:
        return info_in(data)
    reason = data.get("error") if isinstance(data, dict) else None
    raise NotAllowedError(one_line(str(reason)[:1000]))

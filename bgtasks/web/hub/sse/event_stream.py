"""The response of ``GET api/tasks/events``: every update as a server-sent event."""

import asyncio
import logging

from starlette.types import Message, Receive, Send

from bgtasks.clock import Clock, TimeLimit, wait_done
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.concurrency.pace import Pace
from bgtasks.logs import log_fields, log_safely
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.sse.stream_client import StreamClient
from bgtasks.web.protocol import HEARTBEAT

__all__ = ["EVENT_STREAM_HEADERS", "EventStream"]

logger: logging.Logger = logging.getLogger(__name__)

SEND_TIMEOUT = 45.0
"""Seconds a client may take to read what it was sent; the hub gives its clients as long."""

CLOSE_TIMEOUT = 1.0
"""Seconds for writing the end of a stream that is closed from here."""

RETRY = b"retry: 2000\n\n"
"""Milliseconds after which a browser connects again."""

COMMENT = b": still here\n\n"

EVENT_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # Proxies would keep the events until they have many.
    "X-Accel-Buffering": "no",
}

_RAW_HEADERS = [
    (name.lower().encode(), value.encode()) for name, value in EVENT_STREAM_HEADERS.items()
]


class EventStream:
    """Writes the backlog of one client, as fast as it reads, until one of both ends it."""

    def __init__(self, client: StreamClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def serve(self, receive: Receive, send: Send) -> None:
        """Serve one request; returns when the stream has ended, for whatever reason."""
        parts = BackgroundSet()
        try:
            writing = parts.start(self._write(send))
            ends = [writing, parts.start(_gone(receive)), parts.start(self._closed())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._client.closed.is_set():
                await wait_done([writing], self._clock, CLOSE_TIMEOUT)
        finally:
            await parts.close()

    async def _write(self, send: Send) -> None:
        try:
            await self._send(
                send, {"type": "http.response.start", "status": 200, "headers": _RAW_HEADERS}
            )
            await self._send_text(send, RETRY)
            while not self._client.closed.is_set():
                if await self._wait():
                    await self._send_text(send, COMMENT)
                await self._send_backlog(send)
            last = {"type": "http.response.body", "body": self._client.farewell}
            await self._send(send, last)
        except (OSError, TimeoutError):
            logger.debug("an event stream ended: its client is gone or does not read")

    async def _send_backlog(self, send: Send) -> None:
        pace = Pace()
        while self._client.news:
            await self._send_text(send, self._client.news.popleft())
        while (encoded := self._client.next_waiting()) is not None:
            try:
                text = encoded.event
            except BaseException as error:
                if ends_this_task(error):
                    raise
                log_safely(
                    logger,
                    logging.ERROR,
                    "an update of task %s could not be sent",
                    encoded.info.id,
                    extra=log_fields(encoded.info),
                    error=error,
                )
            else:
                await self._send_text(send, text)
                await pace.spent(len(text))

    async def _wait(self) -> bool:
        """Wait for something to send, or until it is time for a comment: then ``True``."""
        woken, due = self._client.woken, False

        def beat() -> None:
            nonlocal due
            due = True
            woken.set()

        timer = self._clock.call_later(HEARTBEAT, beat)
        try:
            await woken.wait()
        finally:
            timer.cancel()
        woken.clear()
        return due

    async def _closed(self) -> None:
        await self._client.closed.wait()

    async def _send_text(self, send: Send, text: bytes) -> None:
        await self._send(send, {"type": "http.response.body", "body": text, "more_body": True})

    async def _send(self, send: Send, message: Message) -> None:
        async with TimeLimit(self._clock, SEND_TIMEOUT):
            await send(message)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

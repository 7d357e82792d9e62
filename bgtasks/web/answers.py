"""What all answers have in common: headers, and a limit for clients that do not read."""

import logging
from collections.abc import Iterator

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bgtasks.clock import Clock, TimeLimit

__all__ = ["Answers"]

logger: logging.Logger = logging.getLogger(__name__)

PIECE = 64 * 1024
"""Bytes of an answer that the server is given at a time."""

READ_TIMEOUT = 45.0
"""Seconds a client may take to read a piece before the next one; the hub has the same limit."""

_HEADERS = {
    # Data is never taken for a script, a style sheet or a page ...
    "X-Content-Type-Options": "nosniff",
    # ... and is not handed to pages of others that load it as an image or a script.
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _NotReadError(OSError):
    """The client has not read its answer for too long. To the application it is gone."""


class Answers:
    """The middleware around the whole application."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; pass on everything else."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        gave_up = False

        async def answer(message: Message) -> None:
            nonlocal gave_up
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                message = {**message, "headers": headers.raw}
            for part in _pieces(message):
                try:
                    async with TimeLimit(self._clock, READ_TIMEOUT):
                        await send(part)
                except TimeoutError:
                    gave_up = True
                    raise _NotReadError from None

        try:
            await self._app(scope, receive, answer)
        except Exception:
            if not gave_up:
                raise
            logger.info("gave up an answer that its client did not read in time")


def _pieces(message: Message) -> Iterator[Message]:
    body = message.get("body", b"")
    last = 0
    while len(body) - last > PIECE:
        yield {**message, "body": body[last : last + PIECE], "more_body": True}
        last += PIECE
    yield {**message, "body": body[last:]} if last else message

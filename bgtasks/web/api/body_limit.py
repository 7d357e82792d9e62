"""No request needs a body here: a large one is refused, a small one is thrown away."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bgtasks.web.problems import problem

__all__ = ["BodyLimit"]

MAX_BODY = 64 * 1024
"""The longest request body, in bytes, that is read before the connection is given up."""

BODY_TIMEOUT = 10.0
"""Seconds a client has for sending its body."""


class BodyLimit:
    """Reads and forgets the body of each HTTP request, and answers 413 when it is too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refused = self._refuse_announced(scope)
        if refused is None:
            try:
                async with asyncio.timeout(BODY_TIMEOUT):
                    refused = await self._discard(receive)
            except TimeoutError:
                refused = 408, f"the request body took longer than {BODY_TIMEOUT:.0f} seconds"
        if refused is None:
            return await self._app(scope, _without_body(receive), send)
        return await problem(scope, *refused)(scope, receive, send)

    def _refuse_announced(self, scope: Scope) -> tuple[int, str] | None:
        for name, value in scope["headers"]:
            if name == b"content-length":
                if not value.isdigit():
                    return 400, f"Content-Length is {value.decode('latin-1')!r}; give a number"
                if len(value) > 15 or int(value) > MAX_BODY:
                    return _too_large()
        return None

    async def _discard(self, receive: Receive) -> tuple[int, str] | None:
        size = 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                return _too_large()
            if not message.get("more_body", False):
                return None


def _too_large() -> tuple[int, str]:
    return 413, f"the request body is larger than {MAX_BODY:,} bytes; none is needed"


def _without_body(receive: Receive) -> Receive:
    empty: Message | None = {"type": "http.request", "body": b"", "more_body": False}

    async def next_message() -> Message:
        nonlocal empty
        if empty is not None:
            message, empty = empty, None
            return message
        return await receive()

    return next_message

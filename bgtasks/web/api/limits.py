"""Limits of one client: the body of its request, and its answers at a time."""

import asyncio
from weakref import WeakValueDictionary

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bgtasks.clock import Clock, TimeLimit
from bgtasks.web.problems import problem
from bgtasks.web.protocol import MAX_BODY
from bgtasks.web.requester import Requester

__all__ = ["BodyLimit", "Turns"]

BODY_TIMEOUT = 10.0
"""Seconds a client has for sending its body."""

OF_ONE_USER = 16
"""Answers at a time for one user: each may be a megabyte that is not read. Browsers have six
connections to a server."""

OF_ONE_ADDRESS = 160
"""The same for one address where nobody is logged in, and only a policy knows who is who."""


class BodyLimit:
    """Reads the body of each HTTP request, and answers 413 when it is too long. Only that of a POST
    is kept."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refused, body = self._refuse_announced(scope), bytearray()
        if refused is None:
            try:
                async with TimeLimit(self._clock, BODY_TIMEOUT):
                    refused = await self._read(receive, body)
            except TimeoutError:
                refused = 408, f"the request body took longer than {BODY_TIMEOUT:.0f} seconds"
        if refused is None:
            kept = bytes(body) if scope["method"] == "POST" else b""
            return await self._app(scope, _with_body(kept, receive), send)
        return await problem(scope, *refused)(scope, receive, send)

    def _refuse_announced(self, scope: Scope) -> tuple[int, str] | None:
        for name, value in scope["headers"]:
            if name == b"content-length":
                if not value.isdigit():
                    return 400, f"Content-Length is {value.decode('latin-1')!r}; give a number"
                if len(value) > 15 or int(value) > MAX_BODY:
                    return _too_large()
        return None

    async def _read(self, receive: Receive, body: bytearray) -> tuple[int, str] | None:
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_BODY:
                return _too_large()
            if not message.get("more_body", False):
                return None


class Turns:
    """A limit for each user; a request beyond it waits for another one of the same user."""

    def __init__(self) -> None:
        self._parties: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, requester: Requester) -> asyncio.Semaphore:
        """The limit to hold while the answer is made and sent."""
        turns = self._parties.get(requester.party)
        if turns is None:
            turns = asyncio.Semaphore(OF_ONE_USER if requester.is_user else OF_ONE_ADDRESS)
            self._parties[requester.party] = turns
        return turns


def _too_large() -> tuple[int, str]:
    return 413, f"the request body is larger than {MAX_BODY:,} bytes"


def _with_body(body: bytes, receive: Receive) -> Receive:
    whole: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def next_message() -> Message:
        nonlocal whole
        if whole is not None:
            message, whole = whole, None
            return message
        return await receive()

    return next_message

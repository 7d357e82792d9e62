"""The answers to those who get no websocket and no event stream."""

from starlette.types import Receive, Scope, Send

from bgtasks.web.problems import problem

__all__ = ["refuse_request", "refuse_websocket"]

RETRY_AFTER = "5"
"""Seconds after which it is worth asking again, where it is at all."""


async def refuse_request(
    status: int, detail: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer a request with a problem; with a 503 it is said when to come again."""
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else None
    await problem(scope, status, detail, headers)(scope, receive, send)


async def refuse_websocket(code: int, receive: Receive, send: Send) -> None:
    """Close a websocket with ``code`` instead of opening it."""
    await receive()
    await send({"type": "websocket.close", "code": code})

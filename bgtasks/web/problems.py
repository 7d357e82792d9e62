"""Errors as ``application/problem+json`` (RFC 9457)."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.errors import BackgroundTasksError
from bgtasks.logs import log_safely
from bgtasks.web.judge import PolicyFailedError
from bgtasks.web.refusal_log import shown
from bgtasks.web.refusals import UNEXPECTED, refusal_of

__all__ = [
    "EXCEPTION_HANDLERS",
    "ProblemBoundary",
    "problem",
    "refuse_request",
    "refuse_websocket",
    "title_of",
]

logger: logging.Logger = logging.getLogger(__name__)

_ASK_AGAIN = {"Retry-After": "5"}  # seconds

_TITLES = {413: "Content Too Large", 414: "URI Too Long"}  # their names differ between Pythons


def problem(
    scope: Scope,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> Response:
    """A problem response: what went wrong with the request of ``scope``, in words; ``more`` members
    say it for programs."""
    body = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": detail,
        "instance": quote(scope["path"]),
        **(more or {}),
    }
    return JSONResponse(
        body,
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type="application/problem+json",
    )


def title_of(status: int) -> str:
    """What a status means, the same on each Python."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


async def refuse_request(
    status: int, detail: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer a request with a problem; a 503 says when to ask again."""
    headers = _ASK_AGAIN if status == 503 else None
    await problem(scope, status, detail, headers)(scope, receive, send)


async def refuse_websocket(code: int, receive: Receive, send: Send) -> None:
    """Close a websocket with ``code`` instead of opening it."""
    await receive()
    await send({"type": "websocket.close", "code": code})


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    status, path = error.status_code, quote(request.scope["path"])
    detail = error.detail
    if detail == HTTPStatus(status).phrase:  # raised by the router, which has nothing to add
        if status == 404:
            detail = f"there is nothing at {path}"
        elif status == 405:
            allowed = (error.headers or {}).get("Allow", "")
            detail = f"{request.method} is not possible at {path}; accepted: {allowed}"
    return problem(request.scope, status, detail, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    refusal = refusal_of(error, _path(request.scope))
    if refusal is None:
        raise error
    headers = _ASK_AGAIN if refusal.status == 503 else None
    existing = getattr(error, "existing", None)
    more = {} if existing is None else {"existing": str(existing)}
    return problem(request.scope, refusal.status, refusal.words(error), headers, more)


EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPException: _http_exception,
    BackgroundTasksError: _refused,
    PolicyFailedError: _refused,
}


class ProblemBoundary:
    """The outermost handler of errors: an unexpected exception is logged and answered with a 500
    problem that discloses nothing.

    Starlette's own handler would raise the exception on into the host application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException as error:
            if started or ends_this_task(error):
                raise
            where = scope["method"], _path(scope)
            log_safely(logger, logging.ERROR, "unexpected error at %s %s", *where, error=error)
            await problem(scope, 500, UNEXPECTED)(scope, receive, send)


def _path(scope: Scope) -> str:
    return shown(scope["path"])

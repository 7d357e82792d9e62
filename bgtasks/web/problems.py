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

from bgtasks.errors import (
    BackendError,
    BackgroundTasksError,
    ManagerStateError,
    NotAllowedError,
    QueryError,
    TaskNotFoundError,
    TaskStateError,
)

__all__ = ["EXCEPTION_HANDLERS", "ProblemBoundary", "problem"]

logger = logging.getLogger(__name__)

_STATUS_OF: tuple[tuple[type[BackgroundTasksError], int], ...] = (
    (QueryError, 400),
    (NotAllowedError, 403),
    (TaskNotFoundError, 404),
    (TaskStateError, 409),
)

_TITLES = {413: "Content Too Large", 414: "URI Too Long"}  # their names differ between Pythons


def problem(
    scope: Scope, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem response: what went wrong with the request of ``scope``, in words."""
    title = _TITLES.get(status) or HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(scope["path"]),
    }
    return JSONResponse(
        body,
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type="application/problem+json",
    )


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


async def _library_error(request: Request, error: Exception) -> Response:
    for error_type, status in _STATUS_OF:
        if isinstance(error, error_type):
            return problem(request.scope, status, str(error))
    if isinstance(error, ManagerStateError):
        return problem(request.scope, 503, "background tasks are not running", {"Retry-After": "5"})
    if isinstance(error, BackendError):
        logger.error("the store failed at %s: %s", request.url.path, error, exc_info=error)
        return problem(
            request.scope, 503, "the store of tasks is not available", {"Retry-After": "5"}
        )
    raise error


EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPException: _http_exception,
    BackgroundTasksError: _library_error,
}


class ProblemBoundary:
    """The last resort around the application: an unexpected exception is logged and answered
    with a 500 problem that tells nothing of the inside.

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
        except Exception:
            if started:
                raise
            logger.exception("unexpected error at %s %s", scope["method"], scope["path"])
            answer = problem(scope, 500, "an unexpected error happened; it was logged")
            await answer(scope, receive, send)

"""The HTTP API below the mount point: list, get, follow, cancel and retry tasks."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bgtasks.core.codec import TaskCodec
from bgtasks.errors import NotAllowedError, QueryError
from bgtasks.models import AttemptFailure
from bgtasks.web.access import Info, TaskAccess
from bgtasks.web.api.page import write_page
from bgtasks.web.api.query import parse_filter
from bgtasks.web.api.turns import Turns
from bgtasks.web.hub import Hub
from bgtasks.web.hub.snapshot import Snapshot
from bgtasks.web.hub.sse.event_stream import EVENT_STREAM_HEADERS
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.ids import parse_task_id
from bgtasks.web.judge import Judge
from bgtasks.web.origins import OriginCheck
from bgtasks.web.requester import Requester

__all__ = ["TaskRoutes"]

MAX_QUERY = 8 * 1024
"""The longest query string, in bytes."""

_NO_STORE = {"Cache-Control": "no-store"}

Endpoint = Callable[[Request, Requester], Awaitable[ASGIApp]]


class TaskRoutes:
    """The endpoints of ``api/tasks``. Each asks the policy before it does anything."""

    def __init__(
        self,
        access: TaskAccess,
        judge: Judge,
        origins: OriginCheck,
        codec: TaskCodec,
        hub: Hub,
    ) -> None:
        self._access = access
        self._judge = judge
        self._origins = origins
        self._codec = codec
        self._hub = hub
        self._turns = Turns()

    @property
    def routes(self) -> list[Route]:
        """The routes, to be put below the mount point."""
        return [
            self._route("", self._list, "GET"),
            # Before the next one, which would take "events" for an id. It has limits of its own.
            Route("/api/tasks/events", self._guarded(self._events), methods=["GET"]),
            self._route("/{id}", self._get_or_cancel, "GET", "DELETE"),
            self._route("/{id}/retry", self._retry, "POST"),
            self._route("/{id}/attempts", self._attempts, "GET"),
            self._route("/{id}/permissions", self._permissions, "GET"),
        ]

    def _route(self, path: str, endpoint: Endpoint, *methods: str) -> Route:
        async def in_turn(request: Request, requester: Requester) -> ASGIApp:
            async def answer(scope: Scope, receive: Receive, send: Send) -> None:
                async with self._turns.of(requester):
                    response = await endpoint(request, requester)
                    await response(scope, receive, send)

            return answer

        return Route(f"/api/tasks{path}", self._guarded(in_turn), methods=methods)

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[ASGIApp]]:
        async def guarded(request: Request) -> ASGIApp:
            if len(request.scope["query_string"]) > MAX_QUERY:
                raise HTTPException(414, f"the query string is longer than {MAX_QUERY:,} bytes")
            # A foreign page can send requests with the user's cookies, though not read the answer.
            if request.method not in ("GET", "HEAD") and not self._origins.accepts(request.scope):
                raise _foreign()
            requester = Requester(request)
            if not await self._judge.may_connect(requester):
                raise NotAllowedError("you may not use background tasks here")
            return await endpoint(request, requester)

        return guarded

    async def _list(self, request: Request, requester: Requester) -> Response:
        wanted = parse_filter(request.query_params)
        listing = await self._access.listing(requester, wanted)
        items, cursor = await listing.page()
        whole = partial(self._access.whole, requester) if wanted.payloads else None
        return _json(
            await write_page(
                items, cursor, self._codec, cursor_after=listing.cursor_after, whole=whole
            )
        )

    async def _get_or_cancel(self, request: Request, requester: Requester) -> Response:
        task_id = _task_id(request)
        if request.method == "DELETE":
            return self._answer(202, await self._access.cancel(requester, task_id))
        return self._answer(200, await self._access.find(requester, task_id))

    async def _retry(self, request: Request, requester: Requester) -> Response:
        return self._answer(202, await self._access.retry(requester, _task_id(request)))

    async def _attempts(self, request: Request, requester: Requester) -> Response:
        failures = await self._access.failures(requester, _task_id(request))
        items = [_attempt(failure) for failure in failures]
        return JSONResponse({"items": items}, headers=_NO_STORE)

    async def _permissions(self, request: Request, requester: Requester) -> Response:
        allowed = await self._access.permissions(requester, _task_id(request))
        return JSONResponse(allowed, headers=_NO_STORE)

    async def _events(self, request: Request, requester: Requester) -> ASGIApp:
        if not self._origins.accepts_stream(request.scope):
            raise _foreign()
        try:
            subscription = Subscription.from_query(request.query_params)
        except ValueError as error:
            raise QueryError(str(error)) from None
        if request.method == "HEAD":
            return Response(headers=EVENT_STREAM_HEADERS)
        return partial(self._hub.events, requester, subscription)

    def _answer(self, status: int, info: Info) -> Response:
        return _json(Snapshot(info, self._codec).text, status)


def _json(text: str | bytes, status: int = 200) -> Response:
    return Response(text, status, headers=_NO_STORE, media_type="application/json")


def _foreign() -> NotAllowedError:
    return NotAllowedError(
        "the page is not this application's; accept its origin with the setting allowed_origins"
    )


def _attempt(failure: AttemptFailure) -> dict[str, Any]:
    return {
        "attempt": failure.attempt,
        "kind": failure.kind,
        "errorMessage": failure.error_message,
        "traceback": failure.traceback,
        "endedAt": failure.ended_at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z",
    }


def _task_id(request: Request) -> UUID:
    try:
        return parse_task_id(request.path_params["id"])
    except ValueError as error:
        raise HTTPException(400, str(error)) from None

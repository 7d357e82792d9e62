"""The routes of the HTTP API below the mount point, and the document that describes them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bgtasks.errors import NotAllowedError
from bgtasks.registration import Registration
from bgtasks.web.api.endpoint import Endpoint, Endpoints, data_answer, foreign_page
from bgtasks.web.api.health import HEALTH_OPERATION
from bgtasks.web.api.limits import Turns
from bgtasks.web.api.openapi import Described, openapi_document
from bgtasks.web.api.operation import described, operation_of
from bgtasks.web.judge import Judge
from bgtasks.web.origins import OriginCheck
from bgtasks.web.protocol import HEALTH, MAX_QUERY, OPENAPI
from bgtasks.web.requester import Requester

__all__ = ["ApiRoutes"]


class ApiRoutes:
    """Leads requests to the endpoints. Before one is called, the origin of a request that changes
    something is checked, the policy is asked whether the requester may connect, and a turn is
    waited for. What it may see and do, the endpoint asks."""

    def __init__(
        self,
        judge: Judge,
        origins: OriginCheck,
        registrations: Iterable[Registration],
        *,
        streams: Mapping[str, Endpoint],
        endpoints: Iterable[Endpoints],
    ) -> None:
        """Of ``endpoints`` the first comes first where two paths fit. ``streams``, whose answers do
        not end, come before all, and have limits of their own."""
        self._judge = judge
        self._origins = origins
        self._registrations = registrations
        self._streams = streams
        self._endpoints: dict[str, dict[str, Endpoint]] = {}
        for part in (*endpoints, {OPENAPI: {"GET": self._openapi}}):
            for path, by_method in part.items():
                self._endpoints.setdefault(path, {}).update(by_method)
        self._turns = Turns()

    @property
    def routes(self) -> list[Route]:
        """The routes, to be put below the mount point."""
        return [
            *(
                Route(path, self._guarded(each), methods=["GET"])
                for path, each in self._streams.items()
            ),
            *(self._route(path, by_method) for path, by_method in self._endpoints.items()),
        ]

    def openapi(self, mounted_at: str) -> dict[str, Any]:
        """The OpenAPI document of these routes, as JSON data."""
        streams = {path: {"GET": endpoint} for path, endpoint in self._streams.items()}
        found = [
            Described(HEALTH, "GET", HEALTH_OPERATION),
            *(
                Described(path, method, operation_of(endpoint))
                for path, by_method in (streams | self._endpoints).items()
                for method, endpoint in by_method.items()
            ),
        ]
        return openapi_document(found, self._registrations, server=mounted_at)

    def _route(self, path: str, by_method: Mapping[str, Endpoint]) -> Route:
        async def in_turn(request: Request, requester: Requester) -> ASGIApp:
            endpoint = by_method["GET" if request.method == "HEAD" else request.method]

            async def answer(scope: Scope, receive: Receive, send: Send) -> None:
                async with self._turns.of(requester):
                    response = await endpoint(request, requester)
                    await response(scope, receive, send)

            return answer

        return Route(path, self._guarded(in_turn), methods=list(by_method))

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[ASGIApp]]:
        async def guarded(request: Request) -> ASGIApp:
            if len(request.scope["query_string"]) > MAX_QUERY:
                raise HTTPException(414, f"the query string is longer than {MAX_QUERY:,} bytes")
            # A foreign page can send requests with the user's cookies, though not read the answer.
            if request.method not in ("GET", "HEAD") and not self._origins.accepts(request.scope):
                raise foreign_page()
            requester = Requester(request)
            if not await self._judge.may_connect(requester):
                raise NotAllowedError("you may not use background tasks here")
            return await endpoint(request, requester)

        return guarded

    @described("getOpenapi", "This document", answer={"type": "object"})
    async def _openapi(self, request: Request, _requester: Requester) -> Response:
        mounted_at = quote(request.scope.get("root_path", ""))
        return data_answer(self.openapi(mounted_at))

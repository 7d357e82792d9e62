"""Whether tasks can be used here, for load balancers and supervisors."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.api.operation import Operation
from bgtasks.web.hub import Hub
from bgtasks.web.protocol import HEALTH

__all__ = ["HEALTH_OPERATION", "health_route"]


def _status(word: str) -> dict[str, Any]:
    properties = {"status": {"type": "string", "const": word}}
    return {"type": "object", "properties": properties, "required": ["status"]}


HEALTH_OPERATION = Operation(
    name="getHealth",
    summary="Whether tasks can be used here; no policy is asked",
    answer=_status("ok"),
    others={503: ("They cannot; the reason is in the log", _status("unavailable"))},
)


def health_route(manager: BackgroundTaskManager, hub: Hub) -> Route:
    """200 while manager and hub can do their work, else 503.

    No policy is asked, since whoever watches over a process is nobody's user; so the answer says
    nothing beyond that one word.
    """

    async def health(_request: Request) -> Response:
        well = manager.health().trouble is None and hub.trouble is None
        body = {"status": "ok" if well else "unavailable"}
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(body, 200 if well else 503, headers=headers)

    return Route(HEALTH, health, methods=["GET"])

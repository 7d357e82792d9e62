"""``GET api/health``: for load balancers and supervisors."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.hub import Hub

__all__ = ["health_route"]


def health_route(manager: BackgroundTaskManager, hub: Hub) -> Route:
    """200 while manager and hub can do their work, else 503. No policy is asked, since whoever
    watches over a process is nobody's user; so it says nothing beyond that one word."""

    async def health(_request: Request) -> Response:
        well = manager.health().trouble is None and hub.trouble is None
        return JSONResponse(
            {"status": "ok" if well else "unavailable"},
            status_code=200 if well else 503,
            headers={"Cache-Control": "no-store"},
        )

    return Route("/api/health", health, methods=["GET"])

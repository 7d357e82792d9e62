"""The application to be mounted: the HTTP API, the hub and the dashboard."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from bgtasks.core.codec import TaskCodec
from bgtasks.manager import BackgroundTaskManager
from bgtasks.registration import Registration
from bgtasks.settings import Settings
from bgtasks.web.access import TaskAccess
from bgtasks.web.answers import Answers
from bgtasks.web.api.bulk_endpoints import BulkEndpoints
from bgtasks.web.api.command_endpoints import CommandEndpoints
from bgtasks.web.api.health import health_route
from bgtasks.web.api.limits import BodyLimit
from bgtasks.web.api.operator_endpoints import OperatorEndpoints
from bgtasks.web.api.routes import ApiRoutes
from bgtasks.web.api.task_endpoints import TaskEndpoints
from bgtasks.web.bulk.jobs import BulkJobs
from bgtasks.web.dashboard_page import dashboard_routes
from bgtasks.web.hub import Hub
from bgtasks.web.judge import Judge
from bgtasks.web.lifespan import Lifespan
from bgtasks.web.operator_access import OperatorAccess
from bgtasks.web.origins import OriginCheck, cors
from bgtasks.web.policy import BackgroundTaskPolicy
from bgtasks.web.problems import EXCEPTION_HANDLERS, ProblemBoundary
from bgtasks.web.protocol import SOCKET

__all__ = ["BackgroundTasksApp", "create_app"]

CLIENT = Path(__file__).parent / "js" / "client"


class BackgroundTasksApp(Starlette):
    """The application to be mounted."""

    def __init__(self, api: ApiRoutes, **options: Any) -> None:
        super().__init__(**options)
        self._api = api
        # A redirect would go to whatever the Host header says.
        self.router.redirect_slashes = False

    def openapi(self, mounted_at: str = "/background-tasks") -> dict[str, Any]:
        """The OpenAPI 3.1 document of the HTTP API, with the registered types of tasks, as JSON
        data. ``mounted_at`` is the path, or the URL, at which this is mounted.

        ``GET api/openapi.json`` answers with the same.
        """
        return self._api.openapi(mounted_at)


def create_app(
    manager: BackgroundTaskManager,
    hub: Hub,
    policy: BackgroundTaskPolicy,
    settings: Settings,
    codec: TaskCodec,
    lifespan: Lifespan,
    registry: Iterable[Registration],
) -> BackgroundTasksApp:
    """The sub-application for ``Mount("/background-tasks", app=...)``, or ``app.mount`` in
    FastAPI.

    A mounted application's lifespan never runs, so the host has to start and stop the manager
    (see :class:`~bgtasks.web.lifespan.Lifespan`); served by itself, this one does.
    """
    judge = Judge(policy, hub.refusals, hub.clock)
    lifespan.before_start(partial(_warn_if_open, judge))
    origins = OriginCheck(settings.allowed_origins, hub.refusals)
    access = TaskAccess(manager, judge)
    tasks = TaskEndpoints(access, origins, codec, hub)
    api = ApiRoutes(
        judge,
        origins,
        registry,
        streams=tasks.streams,
        endpoints=[
            BulkEndpoints(BulkJobs(manager, judge, access), codec).endpoints,
            tasks.endpoints,
            CommandEndpoints(access, codec).endpoints,
            OperatorEndpoints(OperatorAccess(manager, judge), codec).endpoints,
        ],
    )
    return BackgroundTasksApp(
        api,
        routes=[
            *dashboard_routes(),
            *api.routes,
            health_route(manager, hub),
            Mount(SOCKET, app=hub.app),
            # Public: our client and the official one, for pages without a build.
            Mount("/client", app=StaticFiles(directory=CLIENT)),
        ],
        middleware=[
            # Outermost, so that a page can read errors too.
            *cors(settings.allowed_origins),
            Middleware(Answers, clock=hub.clock),
            Middleware(ProblemBoundary),
            Middleware(BodyLimit, clock=hub.clock),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )


def _warn_if_open(judge: Judge, host: Any) -> None:
    if not _may_authenticate(host):
        judge.warn_if_open()


def _may_authenticate(app: Any) -> bool:
    """Whether ``app`` could have a middleware that sets ``request.user``, as far as can be seen."""
    middlewares = getattr(app, "user_middleware", None)
    return middlewares is None or any(
        not _is_known(middleware.cls)
        or issubclass(middleware.cls, AuthenticationMiddleware | BaseHTTPMiddleware)
        for middleware in middlewares
    )


def _is_known(middleware: Any) -> bool:
    return isinstance(middleware, type) and middleware.__module__.startswith(
        ("starlette.middleware.", "bgtasks.web.")
    )

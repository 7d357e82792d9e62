"""Every request carries a token: for single-page applications and programs.

A browser cannot set headers on a websocket, so the client gives the token at connect:

    connect({ token: () => token })

The dashboard asks for a token, and does the same.

The middleware knows nothing of that, so a policy looks the token up. It is asked again every
minute with the same token: a token that is revoked or over ends the connection.

    pip install bgtasks-di uvicorn websockets
    uvicorn examples.access.bearer_token:app --ws-max-size 65536
"""

from typing import Any

from dependency_injector import providers
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from bgtasks import BackgroundTaskInfo, BackgroundTaskPolicy, Requester
from examples.access.exports import ExportTask, make_container

# In your application: a lookup in the database, or the check of a signature and a date.
TOKENS = {"alices-token": "alice", "bobs-token": "bob"}


class BearerToken(AuthenticationBackend):
    """The user is whose token is in the ``Authorization`` header."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """See :class:`AuthenticationBackend`."""
        name = TOKENS.get(bearer_token(conn) or "")
        return None if name is None else (AuthCredentials(["user"]), SimpleUser(name))


def bearer_token(conn: HTTPConnection) -> str | None:
    """The token of a request."""
    scheme, _, token = conn.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


class TokenPolicy(BackgroundTaskPolicy):
    """Each user sees their own tasks, whichever way the token came."""

    async def can_connect(self, requester: Requester) -> bool:
        """Whether the token is one, now."""
        return self._name(requester) is not None

    async def visible_owners(self, requester: Requester) -> frozenset[str | None] | None:
        """Only the user's own; without ``None`` in it also no task without an owner."""
        name = self._name(requester)
        return frozenset() if name is None else frozenset({name})

    async def can_view(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether the task is the user's own."""
        name = self._name(requester)
        return name is not None and task.owner == name

    def _name(self, requester: Requester) -> str | None:
        token: object = bearer_token(requester.connection)
        if token is None and requester.auth is not None:
            token = requester.auth.get("token")
        return TOKENS.get(token) if isinstance(token, str) else None


def make_app() -> Starlette:
    """The application."""
    background_tasks = make_container().background_tasks()
    background_tasks.policy.override(providers.Singleton(TokenPolicy))

    @requires("user")
    async def start_export(request: Request) -> Response:
        task_id = await background_tasks.manager().run_task(
            ExportTask(), owner=request.user.display_name
        )
        return JSONResponse({"id": str(task_id)}, status_code=202)

    return Starlette(
        routes=[
            Route("/exports", start_export, methods=["POST"]),
            Mount("/background-tasks", app=background_tasks.asgi_app()),
        ],
        middleware=[Middleware(AuthenticationMiddleware, backend=BearerToken())],
        lifespan=background_tasks.lifespan(),
    )


app = make_app()

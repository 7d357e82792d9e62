"""Log in once, then a signed cookie says who you are: for pages that your application serves.

The browser sends the cookie with every request by itself, with the websocket of the hub too. So
it is enough to put the two middlewares around the whole application. The policy only adds that a
logout also ends the connections that are open, within a minute or so.

    pip install bgtasks-di uvicorn websockets itsdangerous
    uvicorn examples.access.session_cookie:app --ws-max-size 65536
"""

import os
import secrets

from dependency_injector import providers
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from bgtasks import BackgroundTaskPolicy, Requester
from examples.access.exports import ExportTask, make_container

# Name and password come in headers (HTTP Basic would do as well); yours come from a form.
PASSWORDS = {"alice": "wonderland", "bob": "builder"}

# Who is logged in, by the id in the cookie: a cookie alone could not be taken back. In your
# application a table, so that a restart logs nobody out.
SESSIONS: dict[str, str] = {}

# With a secret of its own at each start everybody is logged out by a restart.
SECRET = os.environ.get("SESSION_SECRET") or secrets.token_urlsafe()


class SessionUser(AuthenticationBackend):
    """The user is who the session says."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """See :class:`AuthenticationBackend`."""
        name = SESSIONS.get(conn.session.get("id", ""))
        return None if name is None else (AuthCredentials(["user"]), SimpleUser(name))


class SessionPolicy(BackgroundTaskPolicy):
    """The default, but that a session has to be there still."""

    async def can_connect(self, requester: Requester) -> bool:
        """Asked at connect and then again every minute, with the cookie from connect."""
        logged_in = requester.connection.session.get("id") in SESSIONS
        return logged_in and await super().can_connect(requester)


async def log_in(request: Request) -> Response:
    """Remember in the session who gave the right password."""
    name = request.headers.get("x-name", "")
    password = request.headers.get("x-password", "")
    # compare_digest takes as long for a wrong password as for the right one.
    if not secrets.compare_digest(PASSWORDS.get(name, "\0").encode(), password.encode()):
        return JSONResponse({"error": "wrong name or password"}, status_code=401)
    request.session["id"] = secrets.token_urlsafe()
    SESSIONS[request.session["id"]] = name
    return JSONResponse({"name": name})


async def log_out(request: Request) -> Response:
    """Forget it."""
    SESSIONS.pop(request.session.pop("id", ""), None)
    return Response(status_code=204)


def make_app() -> Starlette:
    """The application."""
    background_tasks = make_container().background_tasks()
    background_tasks.policy.override(providers.Singleton(SessionPolicy))

    @requires("user")
    async def start_export(request: Request) -> Response:
        task_id = await background_tasks.manager().run_task(
            ExportTask(), owner=request.user.display_name
        )
        return JSONResponse({"id": str(task_id)}, status_code=202)

    return Starlette(
        routes=[
            Route("/login", log_in, methods=["POST"]),
            Route("/logout", log_out, methods=["POST"]),
            Route("/exports", start_export, methods=["POST"]),
            Mount("/background-tasks", app=background_tasks.asgi_app()),
        ],
        middleware=[
            # "strict" keeps the cookie from being sent by other sites at all. Over https add
            # https_only=True.
            Middleware(SessionMiddleware, secret_key=SECRET, same_site="strict"),
            Middleware(AuthenticationMiddleware, backend=SessionUser()),
        ],
        lifespan=background_tasks.lifespan(),
    )


app = make_app()

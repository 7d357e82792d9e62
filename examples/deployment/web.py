"""The web node: ``uvicorn examples.deployment.web:app``.

A signed cookie says who is there. It is all that a node knows of a visitor, so any node may serve
any request, and a websocket may come back to another one.
"""

import secrets
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from examples.deployment.containers import Application, container
from examples.deployment.reports import ReportTask

PAGE = """<!doctype html><meta charset="utf-8"><title>Reports</title>
<form method="post" action="login">
  <label>Name <input name="name" required></label>
  <label>Password <input name="password" type="password" required></label>
  <button>Log in</button>
</form>
<form method="post" action="reports"><button>Write a report</button></form>
<p><a href="background-tasks/">Watch them</a></p>
"""


class SessionUser(AuthenticationBackend):
    """The user is who the cookie says."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """See :class:`AuthenticationBackend`."""
        name = conn.session.get("name")
        return None if name is None else (AuthCredentials(["user"]), SimpleUser(name))


async def page(_request: Request) -> Response:
    return HTMLResponse(PAGE)


async def log_in(request: Request) -> Response:
    """Who has the password may be anybody: a real application asks its users' table."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    name, password = form.get("name", [""])[0], form.get("password", [""])[0]
    expected = request.app.state.container.config.password()
    if not (name and expected and secrets.compare_digest(password.encode(), expected.encode())):
        return JSONResponse({"error": "wrong name or password"}, status_code=401)
    request.session["name"] = name
    return RedirectResponse(".", status_code=303)


@requires("user")
async def write_report(request: Request) -> Response:
    """Hand one in."""
    manager = request.app.state.container.background_tasks().manager()
    task_id = await manager.run_task(ReportTask(), owner=request.user.display_name)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("background-tasks/", status_code=303)
    return JSONResponse({"id": str(task_id)}, status_code=202)


def create_app(application: Application) -> Starlette:
    """A web node around a container."""
    background_tasks = application.background_tasks()
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/login", log_in, methods=["POST"]),
            Route("/reports", write_report, methods=["POST"]),
            Mount("/background-tasks", app=background_tasks.asgi_app()),
        ],
        middleware=[
            Middleware(
                SessionMiddleware,
                # Without a common secret each node would trust only its own cookies.
                secret_key=application.config.session_secret() or secrets.token_urlsafe(),
                same_site="strict",  # over https add https_only=True
            ),
            Middleware(AuthenticationMiddleware, backend=SessionUser()),
        ],
        lifespan=background_tasks.lifespan(),
    )
    app.state.container = application
    return app


app = create_app(container)

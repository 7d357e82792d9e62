"""FastAPI, whose own dependency says who the user is.

Dependencies run for FastAPI's routes and not for what is mounted. So the dependency and the
policy of the background tasks ask the same function, which needs no more than a connection:
it is the one place that knows how users are told apart.

    pip install bgtasks-di fastapi uvicorn websockets
    uvicorn examples.access.fastapi_app:app --ws-max-size 65536
"""

# mypy: disable-error-code="import-not-found,untyped-decorator"
# FastAPI need not be installed where the types are checked.

from typing import Annotated, Any

from dependency_injector import providers
from fastapi import Depends, FastAPI, HTTPException
from starlette.requests import HTTPConnection

from bgtasks import BackgroundTaskInfo, BackgroundTaskPolicy, Requester
from examples.access.exports import ExportTask, make_container

# In your application: a lookup in the database, or the check of a signature and a date.
API_KEYS = {"alices-key": "alice", "bobs-key": "bob"}


def user_of(connection: HTTPConnection) -> str | None:
    """Whose key is in the header ``X-API-Key``, or, as browsers can't set it on a websocket, in
    the cookie ``api_key``."""
    key = connection.headers.get("x-api-key") or connection.cookies.get("api_key")
    return API_KEYS.get(key or "")


def current_user(connection: HTTPConnection) -> str:
    """The dependency of the routes."""
    user = user_of(connection)
    if user is None:
        raise HTTPException(401, "give a key in the header X-API-Key")
    return user


class ApiKeyPolicy(BackgroundTaskPolicy):
    """Each user sees their own tasks."""

    async def can_connect(self, requester: Requester) -> bool:
        """Whether there is a user."""
        return user_of(requester.connection) is not None

    async def visible_owners(self, requester: Requester) -> frozenset[str | None] | None:
        """Only the user's own, so that the store filters listings."""
        user = user_of(requester.connection)
        return frozenset() if user is None else frozenset({user})

    async def can_view(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether the task is the user's own."""
        user = user_of(requester.connection)
        return user is not None and task.owner == user


def make_app() -> FastAPI:
    """The application."""
    background_tasks = make_container().background_tasks()
    background_tasks.policy.override(providers.Singleton(ApiKeyPolicy))
    application = FastAPI(lifespan=background_tasks.lifespan())

    @application.post("/exports", status_code=202)
    async def start_export(user: Annotated[str, Depends(current_user)]) -> dict[str, str]:
        task_id = await background_tasks.manager().run_task(ExportTask(), owner=user)
        return {"id": str(task_id)}

    application.mount("/background-tasks", background_tasks.asgi_app())
    return application


app = make_app()

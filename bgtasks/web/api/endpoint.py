"""An endpoint of the API: what is called for a request, and how it answers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from bgtasks.errors import NotAllowedError
from bgtasks.web.commands import ON_TASK, Subject
from bgtasks.web.requester import Requester

__all__ = [
    "Endpoint",
    "Endpoints",
    "data_answer",
    "foreign_page",
    "json_answer",
    "name_of",
    "task_id_of",
]

Endpoint = Callable[[Request, Requester], Awaitable[ASGIApp]]

Endpoints = Mapping[str, Mapping[str, Endpoint]]
"""By path, and then by method."""

_NO_STORE = {"Cache-Control": "no-store"}


def json_answer(text: str | bytes, status: int = 200) -> Response:
    """An answer whose JSON is written already."""
    return Response(text, status, headers=_NO_STORE, media_type="application/json")


def data_answer(data: Any, status: int = 200) -> Response:
    """An answer of JSON data."""
    return JSONResponse(data, status, headers=_NO_STORE)


def foreign_page() -> NotAllowedError:
    """The refusal of a request that a page of another site has sent."""
    return NotAllowedError(
        "the page is not this application's; accept its origin with the setting allowed_origins"
    )


def task_id_of(request: Request) -> UUID:
    """The id in the path. Answers with 400 where it is none."""
    task_id: UUID = name_of(ON_TASK, request)
    return task_id


def name_of(subject: Subject, request: Request) -> Any:
    """What the path names. Answers with 400 where it is no name of a ``subject``."""
    try:
        return subject.parse(request.path_params[subject.key])
    except ValueError as error:
        raise HTTPException(400, str(error)) from None

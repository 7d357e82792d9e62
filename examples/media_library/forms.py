"""What comes from the browser, checked; what is wrong with it, as RFC 9457 problem details."""

import json
import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from examples.media_library.database import path_text

MAX_BODY_BYTES = 16 * 1024


class ProblemError(Exception):
    """A request that cannot be carried out, and how to say so."""

    def __init__(self, status: HTTPStatus, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


def problem_response(_request: Request, error: Exception) -> Response:
    """The answer to a request that raised ProblemError."""
    assert isinstance(error, ProblemError)
    body = {"title": error.status.phrase, "status": error.status.value, "detail": error.detail}
    if error.field:
        body["field"] = error.field
    return JSONResponse(body, error.status, media_type="application/problem+json")


async def read_form(request: Request) -> dict[str, Any]:
    """The JSON object in the request's body. Raises ProblemError."""
    # Only JSON: a form on a foreign page can send other types here without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES:,} bytes are read"
            )
    try:
        form = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is not valid JSON") from None
    if not isinstance(form, dict):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
    return form


def path_field(form: dict[str, Any], name: str) -> Path:
    """The absolute path in the field ``name``. Raises ProblemError."""
    text = form.get(name)
    if not isinstance(text, str) or not text.strip():
        raise _wrong(name, "give a path")
    try:
        path = Path(text.strip())
        os.fsencode(path)
    except ValueError:
        raise _wrong(name, "this text cannot be a path") from None
    if "\0" in text or not path.is_absolute():
        raise _wrong(name, f"{path_text(path)!r} is not an absolute path")
    return path


def check_folder(path: Path, name: str) -> None:
    """Raise ProblemError unless ``path`` is a folder. Blocks."""
    if not _ask(path, name, Path.is_dir):
        raise _wrong(name, f"{path_text(path)} is not a folder here")


def check_copy(source: Path, destination: Path) -> None:
    """Raise ProblemError if this copy would be refused at once. Blocks."""
    if not _ask(source, "source", os.path.lexists):
        raise _wrong("source", f"{path_text(source)} does not exist")
    if _ask(destination, "destination", os.path.lexists):
        raise _wrong(
            "destination", f"{path_text(destination)} exists already; it is not overwritten"
        )
    check_folder(destination.parent, "destination")


def number_parameter(request: Request, name: str, default: int, highest: int) -> int:
    """The whole number from 1 to ``highest`` in the query. Raises ProblemError."""
    text = request.query_params.get(name, str(default))
    # int() would also take " 1_0 " and the digits of every script.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= highest):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"{name}: expected a whole number from 1 to {highest}", name
        )
    return int(text)


def _ask(path: Path, name: str, question: Any) -> bool:
    try:
        return bool(question(path))
    except (OSError, ValueError) as error:
        raise _wrong(name, f"{path_text(path)}: {error}") from None


def _wrong(field: str, detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field)

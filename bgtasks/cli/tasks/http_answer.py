"""HTTP answers of an application: read within bounds, errors turned into exceptions."""

import json
from typing import Any

from bgtasks.cli.tasks.http_exchange import Answer
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.usage import CommandFailedError, UnavailableError
from bgtasks.errors import NotAllowedError, QueryError, TaskNotFoundError, TaskStateError
from bgtasks.web.protocol import BULK, COUNTS, EVENTS, SCHEDULES, TASKS, TYPES

__all__ = ["check_answer", "read_json"]

MAX_PROBLEM = 64 * 1024
"""How many bytes of an error are read."""

MAX_DETAIL = 1_000
"""How many characters of an error are shown."""

_ERRORS: dict[int, type[Exception]] = {
    400: QueryError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: TaskNotFoundError,
    409: TaskStateError,
}


_ABOUT_ALL = (TASKS, EVENTS, COUNTS, BULK, TYPES, SCHEDULES)
"""Routes without the name of anything: a 404 says that they are not there themselves."""


async def read_json(answer: Answer, longest: int, *, is_logged_in: bool) -> Any:
    """The data in the body of a successful answer of at most ``longest`` bytes.

    Raises CommandFailedError if it is too large or no JSON, and what ``check_answer`` raises.
    """
    await check_answer(answer, is_logged_in=is_logged_in)
    if answer.media_type != "application/json":
        raise CommandFailedError(f"{_place(answer)} answers with no JSON; {_MOUNT_HINT}")
    body = await _read(answer, longest)
    if body is None:
        raise CommandFailedError(
            f"{_place(answer)} answers with more than {longest:,} bytes; "
            f"ask for fewer tasks with --limit"
        )
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CommandFailedError(
            f"{_place(answer)} answers with what is no JSON: {one_line(str(error))}"
        ) from None


async def check_answer(answer: Answer, *, is_logged_in: bool) -> None:
    """Raise the error that an unsuccessful answer stands for: QueryError, NotAllowedError,
    TaskNotFoundError, TaskStateError, UnavailableError or CommandFailedError. ``is_logged_in``:
    whether the user has named a header, whatever the application takes for a login."""
    status = answer.status
    if 200 <= status < 300:
        return
    detail = await _detail(answer)
    if status == 429 or status >= 500:
        raise UnavailableError(f"{_place(answer)} answers {status}: {detail or 'try again later'}")
    if 300 <= status < 400:
        where = one_line(answer.headers.get("location", "")[:MAX_DETAIL])
        raise CommandFailedError(
            f"{_place(answer)} leads on to {where}; give --url the address it leads to"
        )
    if status in (401, 403):
        detail = detail or f"{_place(answer)} answers {status}"
        detail += "" if is_logged_in else _LOGIN_HINT
    if status == 404 and answer.place.endswith(_ABOUT_ALL):
        detail = None
    if detail is None or status not in _ERRORS:
        # Not bgtasks' answer, but that of another part of the application, or of a proxy.
        raise CommandFailedError(f"{_place(answer)} answers {status}; {detail or _MOUNT_HINT}")
    raise _ERRORS[status](detail)


_MOUNT_HINT = "give --url the address where the application mounts background tasks"


_LOGIN_HINT = "; log in with --header, such as --header 'Authorization: Bearer …'"


async def _detail(answer: Answer) -> str | None:
    """What a problem (RFC 9457) says; ``None`` where the answer is none."""
    if answer.media_type != "application/problem+json":
        return None
    body = await _read(answer, MAX_PROBLEM)
    try:
        problem = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return one_line(detail[:MAX_DETAIL]) if isinstance(detail, str) else None


async def _read(answer: Answer, most: int) -> bytes | None:
    body = bytearray()
    async for chunk in answer.body:
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _place(answer: Answer) -> str:
    return one_line(answer.place)

"""``tasks show``: one task, everything that is known of it."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bgtasks.cli.tasks.client import Info, TaskClient
from bgtasks.cli.tasks.plain_text import one_line, plain
from bgtasks.cli.tasks.screen import Screen, status_text, utc_text
from bgtasks.cli.tasks.table import Cell, Styled
from bgtasks.core.task_details import TaskDetails
from bgtasks.models import Attempt

__all__ = ["show_task"]

_WIDTH = 17


async def show_task(client: TaskClient, screen: Screen, task_id: UUID, as_json: bool) -> None:
    """Write one task, its payload, and its attempts. As JSON: one line in the wire shape, with the
    attempts as ``attempts``."""
    info, details = await client.get_with_details(task_id)
    attempts = await client.attempts(task_id)
    wire = screen.wire(info)
    if details is not None:
        wire["arguments"] = details.arguments
    if as_json:
        screen.json({**wire, "attempts": [*map(screen.data_of, attempts)]})
        return
    for name, value in (_fields(info) | _more_fields(details)).items():
        _write(screen, name, value)
    for name in ("arguments", "payload", "result"):
        if wire.get(name) not in (None, {}):
            _write(screen, name, "")
            screen.line(_indented(plain(json.dumps(wire[name], indent=2, ensure_ascii=False))))
    _write_attempts(screen, attempts)


def _fields(info: Info) -> dict[str, Cell | None]:
    return {
        "id": str(info.id),
        "type": info.type,
        "name": info.name,
        "status": status_text(info.status),
        "progress": f"{info.progress:g}%",
        "status message": info.status_message,
        "error message": info.error_message,
        "owner": info.owner,
        "attempts": str(info.attempt),
        "revision": str(info.revision),
        "cancel requested": "yes" if info.cancel_requested else None,
        "waiting for": info.waiting_for,
        "created at": _time(info.created_at),
        "scheduled at": _time(info.scheduled_at),
        "started at": _time(info.started_at),
        "completed at": _time(info.completed_at),
    }


def _more_fields(details: TaskDetails | None) -> dict[str, str]:
    if details is None:
        return {}
    timeout = {} if details.timeout is None else {"timeout": f"{details.timeout:g} s"}
    return {"priority": str(details.priority), **timeout}


def _write(screen: Screen, name: str, value: Cell | None) -> None:
    if value is None:
        return
    text = value if isinstance(value, Styled) else one_line(value)
    screen.line(Styled(f"{name:<{_WIDTH}}", "bold"), text)


def _write_attempts(screen: Screen, attempts: Sequence[Attempt]) -> None:
    seen: dict[str, int] = {}
    for attempt in attempts:
        _write(screen, f"attempt {attempt.attempt}", _story(attempt))
        if attempt.error is not None:
            screen.line(_indented(plain(attempt.error.message)))
        if attempt.traceback_omitted:
            screen.line(_indented("its traceback is left out: those of newer attempts are long"))
        if attempt.traceback is None:
            continue
        if (same := seen.setdefault(attempt.traceback, attempt.attempt)) != attempt.attempt:
            screen.line(_indented(f"the same traceback as of attempt {same}"))
        else:
            screen.line(_indented(plain(attempt.traceback.rstrip())))


def _story(attempt: Attempt) -> str:
    """When and where an attempt ran, and how it ended."""
    place = "" if (at := attempt.process) is None else f" on {at.host} (process {at.pid})"
    if attempt.outcome is None:
        return f"runs since {_time(attempt.started_at)}{place}"
    return f"{attempt.outcome} at {_time(attempt.ended_at)}{place}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _time(value: datetime | None) -> str | None:
    return None if value is None else utc_text(value)

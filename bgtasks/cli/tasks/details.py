"""``tasks show``: one task, everything that is known of it."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from rich.text import Text

from bgtasks.cli.tasks.client import Info, TaskClient
from bgtasks.cli.tasks.plain_text import one_line, plain
from bgtasks.cli.tasks.screen import Screen, status_text, utc_text
from bgtasks.models import Attempt

__all__ = ["show_task"]

_WIDTH = 17


async def show_task(client: TaskClient, screen: Screen, task_id: UUID, as_json: bool) -> None:
    """Write one task, its payload, and its attempts. As JSON: one line in the wire shape, with the
    attempts as ``attempts``."""
    info = await client.get(task_id)
    attempts = await client.attempts(task_id)
    wire = screen.wire(info)
    if as_json:
        screen.json({**wire, "attempts": [*map(screen.data_of, attempts)]})
        return
    for name, value in _fields(info).items():
        _write(screen, name, value)
    for name in ("payload", "result"):
        if wire[name] is not None:
            _write(screen, name, "")
            screen.line(_indented(plain(json.dumps(wire[name], indent=2, ensure_ascii=False))))
    _write_attempts(screen, attempts)


def _fields(info: Info) -> dict[str, str | Text | None]:
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


def _write(screen: Screen, name: str, value: str | Text | None) -> None:
    if value is None:
        return
    text = value if isinstance(value, Text) else Text(one_line(value))
    screen.line(Text.assemble((f"{name:<{_WIDTH}}", "bold"), text))


def _write_attempts(screen: Screen, attempts: Sequence[Attempt]) -> None:
    seen: dict[str, int] = {}
    for attempt in attempts:
        _write(screen, f"attempt {attempt.attempt}", _story(attempt))
        if attempt.error is not None:
            screen.line(_indented(plain(attempt.error.message)))
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


def _indented(text: str) -> Text:
    return Text("\n".join(f"  {line}" for line in text.split("\n")))


def _time(value: datetime | None) -> str | None:
    return None if value is None else utc_text(value)

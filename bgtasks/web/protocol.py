"""The protocol, written once: names, routes and bounds of HTTP API and hub. What clients may do:
:mod:`bgtasks.web.commands`.

``bgtasks.cli.typescript.protocol`` writes the names and bounds out for the JavaScript client.
"""

import re
from uuid import UUID

__all__ = [
    "ATTEMPTS",
    "BULK",
    "BULK_JOB",
    "COUNTS",
    "DELETE",
    "EVENTS",
    "FACETS",
    "FAILURES",
    "HEALTH",
    "HEARTBEAT",
    "HISTORY",
    "LOGS",
    "MAX_BODY",
    "MAX_CURSOR",
    "MAX_FRAME",
    "MAX_IDS",
    "MAX_LIMIT",
    "MAX_LOGS",
    "MAX_OWNER",
    "MAX_PAGE_BYTES",
    "MAX_PROCESSES",
    "MAX_QUERY",
    "MAX_TYPE",
    "MAX_TYPES",
    "ME",
    "NAMESPACE",
    "OPENAPI",
    "PAUSE_SCHEDULE",
    "PAUSE_TYPE",
    "PERMISSIONS",
    "PROCESSES",
    "REFUSED",
    "RESUME_SCHEDULE",
    "RESUME_TYPE",
    "RUN_AGAIN",
    "RUN_SCHEDULE",
    "SCHEDULES",
    "SCHEDULE_UPDATED",
    "SOCKET",
    "STATS",
    "STATS_UPDATED",
    "SUBSCRIBE",
    "TASK",
    "TASKS",
    "TASK_LOG",
    "TASK_UPDATED",
    "TYPES",
    "TYPE_UPDATED",
    "UNSUBSCRIBE",
    "parse_task_id",
]

# Routes, below the mount point.
TASKS = "/api/tasks"
EVENTS = f"{TASKS}/events"
COUNTS = f"{TASKS}/counts"
BULK = f"{TASKS}/bulk"
BULK_JOB = f"{BULK}/{{id}}"
TASK = f"{TASKS}/{{id}}"
ATTEMPTS = f"{TASK}/attempts"
LOGS = f"{TASK}/logs"
PERMISSIONS = f"{TASK}/permissions"
RUN_AGAIN = f"{TASK}/run-again"
DELETE = f"{TASK}/delete"
TYPES = "/api/types"
PAUSE_TYPE = f"{TYPES}/{{type}}/pause"
RESUME_TYPE = f"{TYPES}/{{type}}/resume"
SCHEDULES = "/api/schedules"
RUN_SCHEDULE = f"{SCHEDULES}/{{name}}/run"
PAUSE_SCHEDULE = f"{SCHEDULES}/{{name}}/pause"
RESUME_SCHEDULE = f"{SCHEDULES}/{{name}}/resume"
ME = "/api/me"
STATS = "/api/stats"
HISTORY = f"{STATS}/history"
FAILURES = "/api/failures"
FACETS = f"{FAILURES}/{{group}}/facets"
PROCESSES = "/api/processes"
HEALTH = "/api/health"
OPENAPI = "/api/openapi.json"
SOCKET = "/socket.io"

NAMESPACE = "/background-tasks"
"""The Socket.IO namespace; it does not depend on the mount point."""

# Events of the hub, to a client ...
TASK_UPDATED = "TaskUpdated"
TASK_LOG = "TaskLog"
TYPE_UPDATED = "TypeUpdated"
SCHEDULE_UPDATED = "ScheduleUpdated"
STATS_UPDATED = "StatsUpdated"
REFUSED = "Refused"
# ... and from it, beside the commands.
SUBSCRIBE = "Subscribe"
UNSUBSCRIBE = "Unsubscribe"

HEARTBEAT = 15.0
"""Seconds without an update after which an event stream shows that it is alive."""

MAX_FRAME = 64 * 1024
"""The longest message that a client may send to the hub, in characters."""

MAX_BODY = 64 * 1024
"""The longest request body, in bytes, that is read before the connection is given up."""

MAX_QUERY = 8 * 1024
"""The longest query string, in bytes."""

MAX_PAGE_BYTES = 1024 * 1024
"""Bytes of snapshots after which a page of a listing ends; the first one is always there."""

MAX_PROCESSES = 1_000
"""The most processes in an answer."""

MAX_LIMIT = 200
"""The most tasks that a page of a listing may have."""

MAX_TYPE = 200
"""The longest task type, in characters."""

MAX_TYPES = 100
"""The most task types in a subscription; also how often a filter of a listing may be repeated."""

MAX_IDS = 1000
"""The most task ids in a subscription."""

MAX_LOGS = 20
"""The most tasks whose logs a client follows at a time."""

MAX_OWNER = 255
"""The longest owner that a task can have, in characters."""

MAX_CURSOR = 200
"""The longest cursor, in characters."""


_CANONICAL = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def parse_task_id(value: object) -> UUID:
    """The id that a client wrote as ``value``. Raises ValueError, which names the value."""
    # UUID() also takes braces, "urn:" and misplaced hyphens: one task would have many addresses.
    if not isinstance(value, str) or not _CANONICAL.fullmatch(value):
        shown = value[:100] if isinstance(value, str) else type(value).__name__
        raise ValueError(
            f"task id is {shown!r}; accepted: a UUID such as 0193a4e0-0000-7000-8000-000000000000"
        )
    return UUID(value)

"""The tasks of a running application, reached over HTTP."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote
from uuid import UUID

from bgtasks.cli.tasks.client import BulkOutcome, FailureRange, Info, PageRequest, TaskClient
from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.http_answer import read_json
from bgtasks.cli.tasks.http_bounds import HttpBounds
from bgtasks.cli.tasks.http_connection import HttpConnections
from bgtasks.cli.tasks.http_exchange import Http, HttpError
from bgtasks.cli.tasks.http_watch import HttpWatch
from bgtasks.cli.tasks.wire_shape import (
    attempts_in,
    bulk_id_in,
    bulk_in,
    counts_in,
    details_in,
    facets_in,
    failures_in,
    info_in,
    log_in,
    matching_in,
    page_in,
    processes_in,
    schedule_in,
    schedules_in,
    stats_in,
    type_in,
    types_in,
)
from bgtasks.cli.usage import UnavailableError, UsageError
from bgtasks.core.query import NEWEST_FIRST
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.task_log import TaskLog
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import TaskNotFoundError
from bgtasks.models import (
    Attempt,
    BackgroundTaskStatus,
    FailureFacet,
    FailureGroup,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.web.bulk.progress import BulkProgress
from bgtasks.web.commands import CANCEL, DELETE_THE_TASK, RETRY, RUN_THE_TASK_AGAIN, Command
from bgtasks.web.filters import written_filter
from bgtasks.web.protocol import (
    ATTEMPTS,
    BULK,
    BULK_JOB,
    COUNTS,
    FACETS,
    FAILURES,
    LOGS,
    PAUSE_SCHEDULE,
    PAUSE_TYPE,
    PROCESSES,
    RESUME_SCHEDULE,
    RESUME_TYPE,
    RUN_SCHEDULE,
    SCHEDULES,
    STATS,
    TASK,
    TASKS,
    TYPES,
)

__all__ = ["HttpTasks", "open_http_tasks"]

DEFAULTS = HttpBounds()

MISSES = 20
"""How often in a row the progress of a bulk job may not be found: one process of several has it."""

PAGE = 50
"""The most tasks, or schedules, in one request."""

MAX_SCHEDULES = 20_000
"""How many schedules are read."""

MAX_PAGES = 100
"""How many pages are read: a policy that hides nearly all tasks makes short pages."""


class HttpTasks:
    """A :class:`TaskClient` over the HTTP API. The application's policy decides what may be seen
    and done."""

    def __init__(self, http: Http, address: HttpAddress, bounds: HttpBounds = DEFAULTS) -> None:
        self._http = http
        self._address = address
        self._bounds = bounds

    async def list(self, wanted: PageRequest) -> Sequence[Info]:
        found: list[Info] = []
        cursor = wanted.cursor
        for _ in range(MAX_PAGES):
            asked = _query(wanted, min(PAGE, wanted.limit - len(found)), cursor)
            items, cursor = page_in(await self._ask("GET", TASKS, asked))
            found += items
            if cursor is None or len(found) >= wanted.limit:
                break
        return found[: wanted.limit]

    async def count(self, wanted: TaskFilter) -> Mapping[BackgroundTaskStatus, int]:
        return counts_in(await self._ask("GET", COUNTS, written_filter(wanted)))

    async def get(self, task_id: UUID) -> Info:
        return info_in(await self._ask("GET", TASK.format(id=task_id)))

    async def get_with_details(self, task_id: UUID) -> tuple[Info, TaskDetails | None]:
        answer = await self._ask("GET", TASK.format(id=task_id))
        return info_in(answer), details_in(answer)

    async def attempts(self, task_id: UUID) -> Sequence[Attempt]:
        return attempts_in(await self._ask("GET", ATTEMPTS.format(id=task_id)))

    async def log(self, task_id: UUID, after: int) -> TaskLog:
        asked = [("after", str(after))]
        return log_in(await self._ask("GET", LOGS.format(id=task_id), asked))

    def watch(self, task_id: UUID) -> AsyncGenerator[Info, None]:
        return HttpWatch(self._http, self._address, task_id, self.get, self._bounds).updates()

    async def cancel(self, task_id: UUID) -> Info:
        return await self._carry_out(CANCEL, task_id)

    async def stats(self) -> Stats:
        return stats_in(await self._ask("GET", STATS))

    async def processes(self) -> Sequence[ProcessInfo]:
        return processes_in(await self._ask("GET", PROCESSES))

    async def failures(self, wanted: FailureRange) -> Sequence[FailureGroup]:
        return failures_in(await self._ask("GET", FAILURES, _range_query(wanted)))

    async def failure_facets(
        self, group: str, by: str, wanted: FailureRange
    ) -> Sequence[FailureFacet]:
        asked = [("by", by), *_range_query(wanted)]
        return facets_in(await self._ask("GET", FACETS.format(group=group), asked))

    async def types(self) -> Sequence[TypeInfo]:
        return types_in(await self._ask("GET", TYPES))

    async def pause(self, type_name: str, reason: str | None) -> TypeInfo:
        asked = [] if reason is None else [("reason", reason)]
        return type_in(await self._ask("POST", _of_type(PAUSE_TYPE, type_name), asked))

    async def resume(self, type_name: str) -> TypeInfo:
        return type_in(await self._ask("POST", _of_type(RESUME_TYPE, type_name)))

    async def schedules(self) -> Sequence[ScheduleInfo]:
        found: list[ScheduleInfo] = []
        asked = [("limit", str(PAGE))]
        while len(found) < MAX_SCHEDULES:
            items, cursor = schedules_in(await self._ask("GET", SCHEDULES, asked))
            found += items
            if cursor is None or not items:
                break
            asked = [("limit", str(PAGE)), ("cursor", cursor)]
        return found

    async def run_schedule(self, name: str) -> ScheduleInfo:
        return schedule_in(await self._ask("POST", RUN_SCHEDULE.format(name=name)))

    async def pause_schedule(self, name: str) -> ScheduleInfo:
        return schedule_in(await self._ask("POST", PAUSE_SCHEDULE.format(name=name)))

    async def resume_schedule(self, name: str) -> ScheduleInfo:
        return schedule_in(await self._ask("POST", RESUME_SCHEDULE.format(name=name)))

    async def retry(self, task_id: UUID) -> Info:
        return await self._carry_out(RETRY, task_id)

    async def run(self, type_name: str, arguments: Mapping[str, Any], owner: str | None) -> UUID:  # noqa: ARG002
        raise UsageError(
            f"a {type_name} cannot be submitted over HTTP: that is for the application's own "
            "routes; give --app MODULE:CONTAINER, where the tasks are in PostgreSQL"
        )

    async def run_again(self, task_id: UUID) -> Info:
        return await self._carry_out(RUN_THE_TASK_AGAIN, task_id)

    async def delete(self, task_id: UUID) -> Info:
        return await self._carry_out(DELETE_THE_TASK, task_id)

    async def matching(self, action: str, wanted: TaskFilter) -> Mapping[str, int]:
        asked = {"action": action, "filter": _body(wanted)}
        return matching_in(await self._ask("POST", BULK, [("dryRun", "true")], asked))

    async def change_all(self, action: str, wanted: TaskFilter, expected: int) -> BulkOutcome:
        asked = {"action": action, "filter": _body(wanted), "expected": expected}
        job = BULK_JOB.format(id=bulk_id_in(await self._ask("POST", BULK, body=asked)))
        misses = 0
        while True:
            try:
                progress = bulk_in(await self._ask("GET", job))
            except TaskNotFoundError:  # another process of the application may have answered
                misses += 1
                if misses > MISSES:
                    raise
            else:
                misses = 0
                if progress.status != "Running":
                    return _outcome(progress)
            await asyncio.sleep(self._bounds.look)

    async def _carry_out(self, command: Command, task_id: UUID) -> Info:
        return info_in(await self._ask(command.method, command.route.format(id=task_id)))

    async def _ask(
        self,
        method: str,
        route: str,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        bounds = self._bounds
        asking = self._http.exchange(method, route, query, sent, silence=bounds.answer)
        try:
            async with asyncio.timeout(bounds.answer), asking as answer:
                return await read_json(
                    answer, bounds.max_answer, is_logged_in=bool(self._address.headers)
                )
        except TimeoutError:
            raise UnavailableError(
                f"{self._address.url} did not answer within {bounds.answer:.0f} seconds"
            ) from None
        except HttpError as error:
            raise UnavailableError(
                f"{self._address.url} cannot be reached: {error}; is the application running, and "
                "is this where it mounts background tasks?"
            ) from None


def _body(wanted: TaskFilter) -> dict[str, list[str]]:
    parameters: dict[str, list[str]] = {}
    for name, value in written_filter(wanted):
        parameters.setdefault(name, []).append(value)
    return parameters


def _outcome(progress: BulkProgress) -> BulkOutcome:
    error = "it was ended" if progress.status == "Cancelled" else progress.error
    return BulkOutcome(
        matched=progress.matched,
        done=progress.done,
        not_allowed=progress.not_allowed,
        gone=progress.gone,
        error=error,
    )


def _range_query(wanted: FailureRange) -> list[tuple[str, str]]:
    times = (("from", wanted.start), ("to", wanted.end))
    query = [(name, at.isoformat()) for name, at in times if at is not None]
    return query if wanted.type_name is None else [*query, ("type", wanted.type_name)]


def _of_type(route: str, type_name: str) -> str:
    return route.format(type=quote(type_name, safe=""))


def _query(wanted: PageRequest, limit: int, cursor: str | None) -> list[tuple[str, str]]:
    query = [("limit", str(limit)), *written_filter(wanted.tasks)]
    if wanted.sort != NEWEST_FIRST:
        query.append(("sort", wanted.sort))
    if wanted.include:
        query.append(("include", ",".join(sorted(wanted.include))))
    if cursor is not None:
        query.append(("cursor", cursor))
    return query


@asynccontextmanager
async def open_http_tasks(address: HttpAddress) -> AsyncGenerator[TaskClient, None]:
    """The tasks of the application at ``address``. Raises UsageError for a proxy in the
    environment that cannot be used."""
    yield HttpTasks(HttpConnections(address, DEFAULTS.connect), address)

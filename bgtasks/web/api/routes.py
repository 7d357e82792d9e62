"""The HTTP API below the mount point: list, get and follow tasks, the commands, and health."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import NotAllowedError, QueryError
from bgtasks.models import (
    Attempt,
    BackgroundTaskInfo,
    FailureFacet,
    FailureGroup,
    History,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.registration import Registration
from bgtasks.web.access import TaskAccess
from bgtasks.web.api import parameters
from bgtasks.web.api.body import parse_arguments
from bgtasks.web.api.bulk_request import parse_bulk
from bgtasks.web.api.health import HEALTH_OPERATION
from bgtasks.web.api.limits import Turns
from bgtasks.web.api.openapi import Described, openapi_document
from bgtasks.web.api.operation import (
    Items,
    described,
    operation_of,
    operation_of_command,
)
from bgtasks.web.api.page import write_page
from bgtasks.web.api.parameters import (
    AFTER,
    ARGUMENTS_BODY,
    BEGUN,
    BULK_BODY,
    DETAILS,
    DRY_RUN,
    FILTER,
    LOG,
    MATCHING,
    PAGE,
    PAGE_MORE,
    PART,
    STREAM,
    TASK_REF,
)
from bgtasks.web.api.query import (
    parse_after,
    parse_facets,
    parse_failures,
    parse_history,
    parse_page_request,
    parse_part,
    parse_query_filter,
)
from bgtasks.web.api.shapes import Me
from bgtasks.web.api.task_text import TaskTexts
from bgtasks.web.bulk.jobs import BulkJobs, TooManyJobsError
from bgtasks.web.bulk.progress import BulkProgress
from bgtasks.web.commands import (
    COMMANDS,
    ON_TASK,
    RUN_THE_TASK_AGAIN,
    Command,
    Subject,
    run_again_with,
)
from bgtasks.web.encoded_log import log_text
from bgtasks.web.encoded_process import process_data
from bgtasks.web.encoded_schedule import schedule_text
from bgtasks.web.encoded_type import type_data
from bgtasks.web.hub import Hub
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.judge import Judge
from bgtasks.web.listing import PageRequest
from bgtasks.web.origins import OriginCheck
from bgtasks.web.protocol import (
    ATTEMPTS,
    BULK,
    BULK_JOB,
    COUNTS,
    EVENTS,
    FACETS,
    FAILURES,
    HEALTH,
    HISTORY,
    LOGS,
    MAX_PAGE_BYTES,
    MAX_PROCESSES,
    MAX_QUERY,
    ME,
    OPENAPI,
    PERMISSIONS,
    PROCESSES,
    RUN_AGAIN,
    SCHEDULES,
    STATS,
    TASK,
    TASKS,
    TYPES,
)
from bgtasks.web.requester import Requester

__all__ = ["TaskRoutes"]

_NO_STORE = {"Cache-Control": "no-store"}

Endpoint = Callable[[Request, Requester], Awaitable[ASGIApp]]


class TaskRoutes:
    """The endpoints of ``api/tasks``. Each asks the policy before it does anything."""

    def __init__(
        self,
        access: TaskAccess,
        bulk: BulkJobs,
        judge: Judge,
        origins: OriginCheck,
        codec: TaskCodec,
        hub: Hub,
        registrations: Iterable[Registration],
    ) -> None:
        self._access = access
        self._bulk = bulk
        self._judge = judge
        self._origins = origins
        self._codec = codec
        self._hub = hub
        self._registrations = registrations
        self._turns = Turns()

    @property
    def routes(self) -> list[Route]:
        """The routes, to be put below the mount point."""
        return [
            # First, as TASK would take "events" for an id. Streams have limits of their own.
            Route(EVENTS, self._guarded(self._events), methods=["GET"]),
            *[self._route(path, by_method) for path, by_method in self._with_commands().items()],
        ]

    def openapi(self, mounted_at: str) -> dict[str, Any]:
        """The OpenAPI document of these routes, as JSON data."""
        found = [
            Described(HEALTH, "GET", HEALTH_OPERATION),
            Described(EVENTS, "GET", operation_of(self._events)),
            *(
                Described(it.route, it.method, operation_of_command(it))
                for it in COMMANDS
                if it.method not in self._endpoints.get(it.route, ())
            ),
        ]
        for path, by_method in self._endpoints.items():
            found += [
                Described(path, method, operation_of(endpoint))
                for method, endpoint in by_method.items()
            ]
        return openapi_document(found, self._registrations, server=mounted_at)

    @cached_property
    def _endpoints(self) -> Mapping[str, Mapping[str, Endpoint]]:
        endpoints: dict[str, dict[str, Endpoint]] = {
            TASKS: {"GET": self._list},
            COUNTS: {"GET": self._counts},  # before TASK, which would take "counts" for an id
            BULK: {"POST": self._change_many},
            BULK_JOB: {"GET": self._bulk_job, "DELETE": self._end_bulk_job},
            TASK: {"GET": self._get},
            ATTEMPTS: {"GET": self._attempts},
            LOGS: {"GET": self._logs},
            PERMISSIONS: {"GET": self._permissions},
            RUN_AGAIN: {"POST": self._run_again},
            ME: {"GET": self._me},
            STATS: {"GET": self._stats},
            HISTORY: {"GET": self._history},
            FAILURES: {"GET": self._failures},
            FACETS: {"GET": self._facets},
            PROCESSES: {"GET": self._processes},
            TYPES: {"GET": self._types},
            SCHEDULES: {"GET": self._schedules},
            OPENAPI: {"GET": self._openapi},
        }
        return endpoints

    def _with_commands(self) -> Mapping[str, Mapping[str, Endpoint]]:
        endpoints = {path: dict(by_method) for path, by_method in self._endpoints.items()}
        for command in COMMANDS:
            by_method = endpoints.setdefault(command.route, {})
            by_method.setdefault(command.method, partial(self._carry_out, command))
        return endpoints

    def _route(self, path: str, endpoints: Mapping[str, Endpoint]) -> Route:
        async def in_turn(request: Request, requester: Requester) -> ASGIApp:
            endpoint = endpoints["GET" if request.method == "HEAD" else request.method]

            async def answer(scope: Scope, receive: Receive, send: Send) -> None:
                async with self._turns.of(requester):
                    response = await endpoint(request, requester)
                    await response(scope, receive, send)

            return answer

        return Route(path, self._guarded(in_turn), methods=list(endpoints))

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[ASGIApp]]:
        async def guarded(request: Request) -> ASGIApp:
            if len(request.scope["query_string"]) > MAX_QUERY:
                raise HTTPException(414, f"the query string is longer than {MAX_QUERY:,} bytes")
            # A foreign page can send requests with the user's cookies, though not read the answer.
            if request.method not in ("GET", "HEAD") and not self._origins.accepts(request.scope):
                raise _foreign()
            requester = Requester(request)
            if not await self._judge.may_connect(requester):
                raise NotAllowedError("you may not use background tasks here")
            return await endpoint(request, requester)

        return guarded

    @described(
        "listTasks",
        "The tasks that fit a filter, newest first or sorted otherwise",
        answer=Items(BackgroundTaskInfo, paged=True, more=PAGE_MORE),
        parameters=PAGE,
    )
    async def _list(self, request: Request, requester: Requester) -> Response:
        wanted = parse_page_request(request.query_params)
        listing = await self._access.listing(requester, wanted)
        page = await listing.page()
        total = await self._total(requester, wanted) if wanted.count else None
        texts = TaskTexts(self._access, self._codec, requester)
        text_of = partial(texts.in_list, include=wanted.include)
        return _json(
            await write_page(page, text_of=text_of, cursor_after=listing.cursor_after, total=total)
        )

    async def _total(self, requester: Requester, wanted: PageRequest) -> int:
        return sum((await self._access.count(requester, wanted.tasks)).values())

    @described(
        "countTasks",
        "How many tasks that fit a filter are in each status",
        answer={"type": "object", "additionalProperties": {"type": "integer"}},
        parameters=FILTER,
    )
    async def _counts(self, request: Request, requester: Requester) -> Response:
        wanted = parse_query_filter(request.query_params)
        counts = await self._access.count(requester, wanted)
        return JSONResponse(dict(counts), headers=_NO_STORE)

    @described(
        "getTask",
        "One task, whole; by the policy's can_see_arguments with its arguments",
        answer={"allOf": [TASK_REF, DETAILS]},
        problems=(404,),
    )
    async def _get(self, request: Request, requester: Requester) -> Response:
        info = await self._access.find(requester, _task_id(request))
        return _json(await TaskTexts(self._access, self._codec, requester).alone(info))

    @described(
        "runTaskAgain",
        "Submit a new task with the arguments of a task, perhaps some of them changed; policy: "
        "can_retry, to change them also can_see_arguments",
        answer=BackgroundTaskInfo,
        status=202,
        body=ARGUMENTS_BODY,
        problems=(404, 409),
    )
    async def _run_again(self, request: Request, requester: Requester) -> Response:
        command, arguments = RUN_THE_TASK_AGAIN, parse_arguments(await request.body())
        if arguments:
            await self._access.check_may_see_arguments(requester)
            command = run_again_with(arguments)
        return await self._carry_out(command, request, requester)

    async def _carry_out(
        self, command: Command, request: Request, requester: Requester
    ) -> Response:
        given = {
            name: request.query_params[name]
            for name in command.takes
            if name in request.query_params
        }
        name = _named(command.on, request)
        answer = await self._access.carry_out(command, requester, name, **given)
        return _json(command.on.text(answer, self._codec), command.status)

    @described(
        "changeTasks",
        "Cancel, retry or delete all tasks that fit a filter",
        answer=BEGUN,
        status=202,
        others={200: ("How many would be changed, for a dry run", MATCHING)},
        parameters=(DRY_RUN,),
        body=BULK_BODY,
        problems=(409, 429),
    )
    async def _change_many(self, request: Request, requester: Requester) -> Response:
        wanted, expected = parse_bulk(await request.body(), request.query_params)
        if expected is None:
            types, owners = await self._bulk.matching(requester, wanted)
            named = None if owners is None else {name or "": item for name, item in owners.items()}
            answer = {"matched": sum(types.values()), "types": dict(types), "owners": named}
            return JSONResponse(answer, headers=_NO_STORE)
        try:
            job = await self._bulk.begin(requester, wanted, expected)
        except TooManyJobsError as error:
            raise HTTPException(429, str(error), {"Retry-After": "5"}) from None
        begun = {"id": str(job.id), "matched": job.matched}
        return JSONResponse(begun, 202, headers=_NO_STORE)

    @described("getBulkJob", "How far a bulk job of yours is", answer=BulkProgress, problems=(404,))
    async def _bulk_job(self, request: Request, requester: Requester) -> Response:
        return self._data(self._bulk.find(requester, _task_id(request)).progress)

    @described("endBulkJob", "Have a bulk job of yours end", answer=BulkProgress, problems=(404,))
    async def _end_bulk_job(self, request: Request, requester: Requester) -> Response:
        return self._data((await self._bulk.end(requester, _task_id(request))).progress)

    @described(
        "listAttempts",
        "The attempts of a task, oldest first",
        answer=Items(Attempt),
        problems=(404,),
    )
    async def _attempts(self, request: Request, requester: Requester) -> Response:
        attempts = await self._access.attempts(requester, _task_id(request))
        items = [self._codec.data_of(attempt) for attempt in attempts]
        return JSONResponse({"items": items}, headers=_NO_STORE)

    @described(
        "getLogs",
        "Lines of a task's log, the oldest first; those of logging by the policy's can_view_errors",
        answer=LOG,
        parameters=(AFTER,),
        problems=(404,),
    )
    async def _logs(self, request: Request, requester: Requester) -> Response:
        after = parse_after(request.query_params)
        log = await self._access.log(requester, _task_id(request), after)
        return _json(log_text(log, self._codec))

    @described(
        "getPermissions",
        "What the policy lets you do to a task, whatever its status allows",
        answer={"type": "object", "additionalProperties": {"type": "boolean"}},
        problems=(404,),
    )
    async def _permissions(self, request: Request, requester: Requester) -> Response:
        allowed = await self._access.permissions(requester, _task_id(request))
        return JSONResponse(allowed, headers=_NO_STORE)

    @described("getMe", "Who is asking, and what the policy lets them see and do", answer=Me)
    async def _me(self, _request: Request, requester: Requester) -> Response:
        return self._data(await self._access.me(requester))

    @described("getStats", "How things are now; policy: can_see_statistics", answer=Stats)
    async def _stats(self, _request: Request, requester: Requester) -> Response:
        return self._data(await self._access.stats(requester))

    @described(
        "getHistory",
        "What happened, by points; policy: can_see_statistics",
        answer=History,
        parameters=parameters.HISTORY,
    )
    async def _history(self, request: Request, requester: Requester) -> Response:
        wanted = parse_history(request.query_params)
        return self._data(await self._access.history(requester, **wanted))

    @described(
        "listFailures",
        "Failures that are the same one; policy: can_see_statistics",
        answer=Items(FailureGroup),
        parameters=parameters.FAILURES,
    )
    async def _failures(self, request: Request, requester: Requester) -> Response:
        wanted = parse_failures(request.query_params)
        groups = await self._access.failures(requester, **wanted)
        return JSONResponse({"items": [*map(self._codec.data_of, groups)]}, headers=_NO_STORE)

    @described(
        "listFacets",
        "How many of the tasks that have the same argument, owner or process failed for one "
        "reason; policy: can_see_statistics, for arguments also can_see_arguments",
        answer=Items(FailureFacet),
        parameters=parameters.FACETS,
    )
    async def _facets(self, request: Request, requester: Requester) -> Response:
        wanted = parse_facets(request.query_params)
        group = request.path_params["group"]
        facets = await self._access.failure_facets(requester, group, **wanted)
        return JSONResponse({"items": [*map(self._codec.data_of, facets)]}, headers=_NO_STORE)

    @described(
        "listProcesses",
        "The processes that share the database; policy: can_see_statistics",
        answer=Items(ProcessInfo),
    )
    async def _processes(self, _request: Request, requester: Requester) -> Response:
        found = await self._access.processes(requester)
        items = [process_data(info, self._codec) for info in found[:MAX_PROCESSES]]
        return JSONResponse({"items": items}, headers=_NO_STORE)

    @described(
        "listTypes",
        "The types of tasks; policy: can_see_statistics or can_control",
        answer=Items(TypeInfo),
    )
    async def _types(self, _request: Request, requester: Requester) -> Response:
        found = await self._access.types(requester)
        items = [type_data(info, self._codec) for info in found]
        return JSONResponse({"items": items}, headers=_NO_STORE)

    @described(
        "listSchedules",
        "The schedules in the order of their names; policy: can_control",
        answer=Items(ScheduleInfo, paged=True),
        parameters=PART,
    )
    async def _schedules(self, request: Request, requester: Requester) -> Response:
        limit, after = parse_part(request.query_params)
        found = await self._access.schedules(requester, after=after, limit=limit + 1)
        items: list[str] = []
        for info in found[:limit]:
            if sum(map(len, items)) > MAX_PAGE_BYTES:
                break
            items.append(schedule_text(info, self._codec))
        cursor = found[len(items) - 1].name if len(found) > len(items) else None
        return _json(f'{{"items":[{",".join(items)}],"nextCursor":{json.dumps(cursor)}}}')

    @described(
        "followTasks",
        "Server-sent events: TaskUpdated with each change of the tasks that are followed, "
        "TaskLog with new lines of the logs that are",
        answer={"type": "string"},
        media_type="text/event-stream",
        parameters=STREAM,
    )
    async def _events(self, request: Request, requester: Requester) -> ASGIApp:
        if not self._origins.accepts_stream(request.scope):
            raise _foreign()
        try:
            subscription = Subscription.from_query(request.query_params)
        except ValueError as error:
            raise QueryError(str(error)) from None
        return partial(self._hub.events, requester, subscription)

    @described("getOpenapi", "This document", answer={"type": "object"})
    async def _openapi(self, request: Request, _requester: Requester) -> Response:
        mounted_at = quote(request.scope.get("root_path", ""))
        return JSONResponse(self.openapi(mounted_at), headers=_NO_STORE)

    def _data(self, value: object) -> Response:
        """An object as JSON, its names as the wire has them."""
        return JSONResponse(self._codec.data_of(value), headers=_NO_STORE)


def _json(text: str | bytes, status: int = 200) -> Response:
    return Response(text, status, headers=_NO_STORE, media_type="application/json")


def _foreign() -> NotAllowedError:
    return NotAllowedError(
        "the page is not this application's; accept its origin with the setting allowed_origins"
    )


def _task_id(request: Request) -> UUID:
    task_id: UUID = _named(ON_TASK, request)
    return task_id


def _named(subject: Subject, request: Request) -> Any:
    try:
        return subject.parse(request.path_params[subject.key])
    except ValueError as error:
        raise HTTPException(400, str(error)) from None

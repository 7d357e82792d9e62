"""What operators look at: statistics, failures, processes, types and schedules."""

import json

from starlette.requests import Request
from starlette.responses import Response

from bgtasks.core.codec import TaskCodec
from bgtasks.core.task_types import TypeInfo
from bgtasks.models import (
    FailureFacet,
    FailureGroup,
    History,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.web.api import parameters
from bgtasks.web.api.endpoint import Endpoints, data_answer, json_answer
from bgtasks.web.api.operation import Items, described
from bgtasks.web.api.query import parse_facets, parse_failures, parse_history, parse_part
from bgtasks.web.api.shapes import Me
from bgtasks.web.encoded_process import process_data
from bgtasks.web.encoded_schedule import schedule_text
from bgtasks.web.encoded_type import type_data
from bgtasks.web.operator_access import OperatorAccess
from bgtasks.web.protocol import (
    FACETS,
    FAILURES,
    HISTORY,
    MAX_PAGE_BYTES,
    MAX_PROCESSES,
    ME,
    PROCESSES,
    SCHEDULES,
    STATS,
    TYPES,
)
from bgtasks.web.requester import Requester

__all__ = ["OperatorEndpoints"]


class OperatorEndpoints:
    """What is asked about everybody's tasks together, and about oneself."""

    def __init__(self, access: OperatorAccess, codec: TaskCodec) -> None:
        self._access = access
        self._codec = codec

    @property
    def endpoints(self) -> Endpoints:
        """All of them."""
        return {
            ME: {"GET": self._me},
            STATS: {"GET": self._stats},
            HISTORY: {"GET": self._history},
            FAILURES: {"GET": self._failures},
            FACETS: {"GET": self._facets},
            PROCESSES: {"GET": self._processes},
            TYPES: {"GET": self._types},
            SCHEDULES: {"GET": self._schedules},
        }

    @described("getMe", "Who is asking, and what the policy lets them see and do", answer=Me)
    async def _me(self, _request: Request, requester: Requester) -> Response:
        return data_answer(self._codec.data_of(await self._access.me(requester)))

    @described("getStats", "How things are now; policy: can_see_statistics", answer=Stats)
    async def _stats(self, _request: Request, requester: Requester) -> Response:
        return data_answer(self._codec.data_of(await self._access.stats(requester)))

    @described(
        "getHistory",
        "What happened, by points; policy: can_see_statistics",
        answer=History,
        parameters=parameters.HISTORY,
    )
    async def _history(self, request: Request, requester: Requester) -> Response:
        wanted = parse_history(request.query_params)
        return data_answer(self._codec.data_of(await self._access.history(requester, **wanted)))

    @described(
        "listFailures",
        "Failures that are the same one; policy: can_see_statistics",
        answer=Items(FailureGroup),
        parameters=parameters.FAILURES,
    )
    async def _failures(self, request: Request, requester: Requester) -> Response:
        wanted = parse_failures(request.query_params)
        groups = await self._access.failures(requester, **wanted)
        return data_answer({"items": [*map(self._codec.data_of, groups)]})

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
        return data_answer({"items": [*map(self._codec.data_of, facets)]})

    @described(
        "listProcesses",
        "The processes that share the database; policy: can_see_statistics",
        answer=Items(ProcessInfo),
    )
    async def _processes(self, _request: Request, requester: Requester) -> Response:
        found = await self._access.processes(requester)
        items = [process_data(info, self._codec) for info in found[:MAX_PROCESSES]]
        return data_answer({"items": items})

    @described(
        "listTypes",
        "The types of tasks; policy: can_see_statistics or can_control",
        answer=Items(TypeInfo),
    )
    async def _types(self, _request: Request, requester: Requester) -> Response:
        found = await self._access.types(requester)
        items = [type_data(info, self._codec) for info in found]
        return data_answer({"items": items})

    @described(
        "listSchedules",
        "The schedules in the order of their names; policy: can_control",
        answer=Items(ScheduleInfo, paged=True),
        parameters=parameters.PART,
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
        return json_answer(f'{{"items":[{",".join(items)}],"nextCursor":{json.dumps(cursor)}}}')

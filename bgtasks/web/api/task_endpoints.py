"""List, count, get and follow tasks; their attempts, logs and permissions."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from bgtasks.core.codec import TaskCodec
from bgtasks.errors import QueryError
from bgtasks.models import Attempt, BackgroundTaskInfo
from bgtasks.web.access import TaskAccess
from bgtasks.web.api.endpoint import (
    Endpoint,
    Endpoints,
    data_answer,
    foreign_page,
    json_answer,
    task_id_of,
)
from bgtasks.web.api.operation import Items, described
from bgtasks.web.api.page import write_page
from bgtasks.web.api.parameters import (
    AFTER,
    DETAILS,
    FILTER,
    LOG,
    PAGE,
    PAGE_MORE,
    STREAM,
    TASK_REF,
)
from bgtasks.web.api.query import parse_after, parse_page_request, parse_query_filter
from bgtasks.web.api.task_text import TaskTexts
from bgtasks.web.encoded_log import log_text
from bgtasks.web.hub import Hub
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.listing import PageRequest
from bgtasks.web.origins import OriginCheck
from bgtasks.web.protocol import ATTEMPTS, COUNTS, EVENTS, LOGS, PERMISSIONS, TASK, TASKS
from bgtasks.web.requester import Requester

__all__ = ["TaskEndpoints"]


class TaskEndpoints:
    """What is asked about tasks."""

    def __init__(
        self, access: TaskAccess, origins: OriginCheck, codec: TaskCodec, hub: Hub
    ) -> None:
        self._access = access
        self._origins = origins
        self._codec = codec
        self._hub = hub

    @property
    def endpoints(self) -> Endpoints:
        """All of them but the streams."""
        return {
            TASKS: {"GET": self._list},
            COUNTS: {"GET": self._counts},  # before TASK, which would take "counts" for an id
            TASK: {"GET": self._get},
            ATTEMPTS: {"GET": self._attempts},
            LOGS: {"GET": self._logs},
            PERMISSIONS: {"GET": self._permissions},
        }

    @property
    def streams(self) -> Mapping[str, Endpoint]:
        """Those whose answers do not end, by path."""
        return {EVENTS: self._events}

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
        return json_answer(
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
        return data_answer(dict(counts))

    @described(
        "getTask",
        "One task, whole; by the policy's can_see_arguments with its arguments",
        answer={"allOf": [TASK_REF, DETAILS]},
        problems=(404,),
    )
    async def _get(self, request: Request, requester: Requester) -> Response:
        info = await self._access.find(requester, task_id_of(request))
        return json_answer(await TaskTexts(self._access, self._codec, requester).alone(info))

    @described(
        "listAttempts",
        "The attempts of a task, oldest first",
        answer=Items(Attempt),
        problems=(404,),
    )
    async def _attempts(self, request: Request, requester: Requester) -> Response:
        attempts = await self._access.attempts(requester, task_id_of(request))
        items = [self._codec.data_of(attempt) for attempt in attempts]
        return data_answer({"items": items})

    @described(
        "getLogs",
        "Lines of a task's log, the oldest first; those of logging by the policy's can_view_errors",
        answer=LOG,
        parameters=(AFTER,),
        problems=(404,),
    )
    async def _logs(self, request: Request, requester: Requester) -> Response:
        after = parse_after(request.query_params)
        log = await self._access.log(requester, task_id_of(request), after)
        return json_answer(log_text(log, self._codec))

    @described(
        "getPermissions",
        "What the policy lets you do to a task, whatever its status allows",
        answer={"type": "object", "additionalProperties": {"type": "boolean"}},
        problems=(404,),
    )
    async def _permissions(self, request: Request, requester: Requester) -> Response:
        allowed = await self._access.permissions(requester, task_id_of(request))
        return data_answer(allowed)

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
            raise foreign_page()
        try:
            subscription = Subscription.from_query(request.query_params)
        except ValueError as error:
            raise QueryError(str(error)) from None
        return partial(self._hub.events, requester, subscription)

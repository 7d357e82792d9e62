"""Change all tasks that fit a filter, and ask how far that is."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bgtasks.core.codec import TaskCodec
from bgtasks.web.api.bulk_request import parse_bulk
from bgtasks.web.api.endpoint import Endpoints, data_answer, task_id_of
from bgtasks.web.api.operation import described
from bgtasks.web.api.parameters import BEGUN, BULK_BODY, DRY_RUN, MATCHING
from bgtasks.web.bulk.jobs import BulkJobs, TooManyJobsError
from bgtasks.web.bulk.progress import BulkProgress
from bgtasks.web.protocol import BULK, BULK_JOB
from bgtasks.web.requester import Requester

__all__ = ["BulkEndpoints"]


class BulkEndpoints:
    """What concerns bulk jobs."""

    def __init__(self, bulk: BulkJobs, codec: TaskCodec) -> None:
        self._bulk = bulk
        self._codec = codec

    @property
    def endpoints(self) -> Endpoints:
        """All of them."""
        return {
            BULK: {"POST": self._change_many},
            BULK_JOB: {"GET": self._get, "DELETE": self._end},
        }

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
            return data_answer(answer)
        try:
            job = await self._bulk.begin(requester, wanted, expected)
        except TooManyJobsError as error:
            raise HTTPException(429, str(error), {"Retry-After": "5"}) from None
        begun = {"id": str(job.id), "matched": job.matched}
        return data_answer(begun, 202)

    @described("getBulkJob", "How far a bulk job of yours is", answer=BulkProgress, problems=(404,))
    async def _get(self, request: Request, requester: Requester) -> Response:
        return data_answer(
            self._codec.data_of(self._bulk.find(requester, task_id_of(request)).progress)
        )

    @described("endBulkJob", "Have a bulk job of yours end", answer=BulkProgress, problems=(404,))
    async def _end(self, request: Request, requester: Requester) -> Response:
        return data_answer(
            self._codec.data_of((await self._bulk.end(requester, task_id_of(request))).progress)
        )

"""The bulk jobs of one process: who began them, how many there may be."""

import asyncio
import logging
from collections.abc import Mapping
from uuid import UUID

from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import TaskNotFoundError, TaskStateError
from bgtasks.logs import log_safely
from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.access import TaskAccess
from bgtasks.web.bulk.action import BulkRequest
from bgtasks.web.bulk.job import BulkJob
from bgtasks.web.judge import Judge
from bgtasks.web.refusals import UNEXPECTED, refusal_of
from bgtasks.web.requester import Requester

__all__ = ["BulkJobs", "Matching", "TooManyJobsError"]

logger: logging.Logger = logging.getLogger(__name__)

RUNNING_OF_ONE = 4
"""Jobs of one user that may run at a time."""

RUNNING = 32
"""Jobs of all users that may."""

KEPT_OF_ONE = 20
"""Jobs of one user whose progress can be asked for; the oldest that are over are forgotten."""

KEPT = 500
"""The same of all users."""

BATCHES = 4
"""Batches of tasks, of all jobs together, that are changed at a time."""

COUNTED = 100_000
"""Of how many tasks it is looked up whose they are."""

MAX_OWNERS = 100
"""How many owners an answer names: those with the most tasks."""

STOP_TIMEOUT = 5.0
"""Seconds that a stop waits for a batch that is under way."""


class TooManyJobsError(Exception):
    """As many jobs run as may; the text says whose."""


Matching = tuple[Mapping[str, int], Mapping[str | None, int] | None]
"""How many tasks there are of each type, and of each owner if they are not too many."""


class BulkJobs:
    """Begins bulk jobs, and knows them until the process ends. A job is known to nobody but the
    user who began it; without authentication that is the address."""

    def __init__(self, manager: BackgroundTaskManager, judge: Judge, access: TaskAccess) -> None:
        self._manager = manager
        self._judge = judge
        self._access = access
        self._jobs: dict[UUID, BulkJob] = {}
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(BATCHES)
        manager.accompany(self)

    trouble = None

    def start(self) -> None:
        """Jobs may begin."""

    async def stop(self) -> None:
        """End all jobs that run."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT)

    async def matching(self, requester: Requester, wanted: BulkRequest) -> Matching:
        """What would be changed. Raises NotAllowedError where it cannot be counted, because only
        ``can_view`` knows which tasks ``requester`` may see."""
        possible = await self._possible(requester, wanted)
        types = await self._counts(possible)
        if possible is None or sum(types.values()) > COUNTED:
            return types, {} if possible is None else None
        owners = await self._manager.count_owners(possible)
        return types, dict(list(owners.items())[:MAX_OWNERS])

    async def begin(self, requester: Requester, wanted: BulkRequest, expected: int) -> BulkJob:
        """Begin to change the tasks. Raises TaskStateError where their number is more than 10 % off
        ``expected``, TooManyJobsError, and NotAllowedError as ``matching``."""
        self._check_number(requester)
        possible = await self._possible(requester, wanted)
        matched = sum((await self._counts(possible)).values())
        if 10 * abs(matched - expected) > expected:
            raise TaskStateError(
                f"{matched:,} tasks match, which is more than 10 % off the expected {expected:,}: "
                "nothing was changed; look at what matches now, and ask again"
            )
        self._check_number(requester)  # others have begun meanwhile
        job = BulkJob(
            self._manager,
            self._judge,
            requester,
            wanted.action,
            possible,
            matched,
            self._turns,
            self._manager.now,
        )
        self._keep(job)
        task = asyncio.get_running_loop().create_task(job.run(_words_of))
        self._running[job.id] = task
        task.add_done_callback(lambda _: self._running.pop(job.id, None))
        return job

    def find(self, requester: Requester, job_id: UUID) -> BulkJob:
        """A job that ``requester`` began. Raises TaskNotFoundError."""
        job = self._jobs.get(job_id)
        if job is None or job.party != requester.party:
            raise TaskNotFoundError(
                f"there is no bulk job with id {job_id} in this process; jobs are known to whoever "
                "began them, until the process ends"
            )
        return job

    async def end(self, requester: Requester, job_id: UUID) -> BulkJob:
        """Have a job change nothing more; harmless where it is over. Raises TaskNotFoundError."""
        job = self.find(requester, job_id)
        if (task := self._running.get(job_id)) is not None:
            task.cancel()
            await asyncio.wait([task], timeout=STOP_TIMEOUT)
        return job

    def _check_number(self, requester: Requester) -> None:
        running = [self._jobs[job_id].party for job_id in self._running]
        if running.count(requester.party) >= RUNNING_OF_ONE:
            raise TooManyJobsError(
                f"{RUNNING_OF_ONE} of your bulk jobs run; wait for one of them, or end it"
            )
        if len(running) >= RUNNING:
            raise TooManyJobsError(f"{RUNNING} bulk jobs run here; try again later")

    def _keep(self, job: BulkJob) -> None:
        self._jobs[job.id] = job
        own = [each for each in self._jobs.values() if each.party == job.party]
        for jobs, kept in ((own, KEPT_OF_ONE), (list(self._jobs.values()), KEPT)):
            over = [each.id for each in jobs if each.is_over]
            for job_id in over[: max(0, len(jobs) - kept)]:
                self._jobs.pop(job_id, None)

    async def _possible(self, requester: Requester, wanted: BulkRequest) -> TaskFilter | None:
        # The policy is asked also where no task can fit: the answer does not depend on the status.
        visible = await self._access.narrowed(requester, wanted.tasks)
        return visible.among(wanted.action.statuses)

    async def _counts(self, possible: TaskFilter | None) -> Mapping[str, int]:
        return {} if possible is None else await self._manager.count_types(possible)


def _words_of(error: Exception) -> str:
    """What the client is told of an error that ended a job; the operator finds it in the log."""
    refusal = refusal_of(error, "a bulk job")
    if refusal is None:
        log_safely(logger, logging.ERROR, "a bulk job failed", error=error)
        return UNEXPECTED
    return refusal.words(error)

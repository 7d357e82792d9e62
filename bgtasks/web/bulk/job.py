"""One bulk job: goes through the tasks that fit, some at a time, newest first."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal
from uuid import UUID, uuid4

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import TaskNotFoundError, TaskStateError
from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.access import Info
from bgtasks.web.bulk.action import BulkAction
from bgtasks.web.bulk.progress import BulkProgress, Refused
from bgtasks.web.judge import Judge
from bgtasks.web.requester import Requester

__all__ = ["BulkJob"]

BATCH = 100
"""Tasks that are changed at the same time, so that others come in between."""

MAX_REFUSED = 100
"""Of how many tasks a job remembers that they were not changed."""

NOTHING = None, False
"""What a change returns where there was nothing to change."""

Status = Literal["Running", "Completed", "Cancelled", "Failed"]


class BulkJob:
    """Changes the tasks that a requester may see and change, as ``policy`` and status allow. Tasks
    that are submitted meanwhile are left alone: the walk goes back from the newest task of its
    first moment, and never turns."""

    def __init__(
        self,
        manager: BackgroundTaskManager,
        judge: Judge,
        requester: Requester,
        action: BulkAction,
        possible: TaskFilter | None,
        matched: int,
        turns: asyncio.Semaphore,
        now: Callable[[], datetime],
    ) -> None:
        self.id: UUID = uuid4()
        self.party: str = requester.party
        self.matched = matched
        self._manager = manager
        self._judge = judge
        self._requester = requester
        self._action = action
        self._possible = possible
        self._turns = turns
        self._now = now
        self._status: Status = "Running"
        self._done = self._not_allowed = self._gone = 0
        self._refused: list[Refused] = []
        self._started_at = now()
        self._ended_at: datetime | None = None
        self._error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is changed."""
        return self._status != "Running"

    @property
    def progress(self) -> BulkProgress:
        """How far it is."""
        return BulkProgress(
            id=self.id,
            action=self._action.name,
            status=self._status,
            matched=self.matched,
            done=self._done,
            not_allowed=self._not_allowed,
            gone=self._gone,
            refused=tuple(self._refused),
            started_at=self._started_at,
            ended_at=self._ended_at,
            error=self._error,
        )

    async def run(self, words_of: Callable[[Exception], str]) -> None:
        """Go through all tasks; an error ends the job, and ``words_of`` says it to the client."""
        try:
            await self._walk()
            self._status = "Completed"
        except asyncio.CancelledError:
            self._status = "Cancelled"
        except BaseException as error:
            self._status = "Failed"
            if ends_this_task(error) or not isinstance(error, Exception):
                raise
            self._error = words_of(error)
        finally:
            self._ended_at = self._now()

    async def _walk(self) -> None:
        cursor: str | None = None
        while self._possible is not None:
            async with self._turns:
                page = await self._manager.get_tasks(self._possible, limit=BATCH, cursor=cursor)
                await self._change(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _change(self, infos: Sequence[Info]) -> None:
        allowed: list[UUID] = []
        for info in await self._judge.visible(self._requester, infos):
            if await self._judge.may_do(self._action.command, self._requester, info):
                allowed.append(info.id)
            else:
                self._not_allowed += 1
                self._refuse([Refused(info.id, "not allowed")])
        changed = await asyncio.gather(*map(self._changed, allowed))
        gone = [item for item, was in zip(allowed, changed, strict=True) if not was]
        self._done += len(allowed) - len(gone)
        self._gone += len(gone)
        self._refuse(Refused(item, "moved on") for item in gone)

    async def _changed(self, task_id: UUID) -> bool:
        try:
            return await self._action.change(self._manager, task_id) not in NOTHING
        except (TaskStateError, TaskNotFoundError):
            return False

    def _refuse(self, refused: Iterable[Refused]) -> None:
        self._refused += islice(refused, MAX_REFUSED - len(self._refused))

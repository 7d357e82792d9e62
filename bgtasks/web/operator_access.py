"""What a requester may see of everybody's tasks together: the manager behind the policy."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve

from bgtasks.core.facets import is_of_arguments
from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import NotAllowedError
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import (
    FailureFacet,
    FailureGroup,
    History,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.version import __version__
from bgtasks.web.judge import Judge
from bgtasks.web.requester import Requester

__all__ = ["OperatorAccess"]


class OperatorAccess:
    """What operators look at, for whom the policy shows it."""

    def __init__(self, manager: BackgroundTaskManager, judge: Judge) -> None:
        self._manager = manager
        self._judge = judge

    async def me(self, requester: Requester) -> Mapping[str, Any]:
        """Who ``requester`` is, what it may see and do beside single tasks, and what it talks
        to."""
        return {
            "identity": requester.identity,
            "can": {
                "statistics": await self._judge.may_see_statistics(requester),
                "arguments": await self._judge.may_see_arguments(requester),
                "control": await self._judge.may_control(requester),
            },
            "release": __version__,
            "backend": self._manager.backend_kind,
            "now": self._manager.now(),
        }

    async def stats(self, requester: Requester) -> Stats:
        """How things are now. Raises NotAllowedError for whoever may not see statistics."""
        await self.check_may_see_statistics(requester)
        return await self._manager.get_stats()

    async def history(
        self,
        requester: Requester,
        *,
        start: datetime | None,
        end: datetime | None,
        type_name: str | None,
        step: str,
    ) -> History:
        """What happened, by points. Raises NotAllowedError for whoever may not see statistics,
        QueryError for what cannot be answered."""
        await self.check_may_see_statistics(requester)
        return await self._manager.get_history(start, end, type=type_name, step=step)

    async def failures(
        self,
        requester: Requester,
        *,
        start: datetime | None,
        end: datetime | None,
        type_name: str | None,
    ) -> Sequence[FailureGroup]:
        """Which failures there are; without the places in the code of those whose errors the policy
        does not show. Raises NotAllowedError for whoever may not see statistics, QueryError for
        what cannot be answered."""
        await self.check_may_see_statistics(requester)
        groups = await self._manager.get_failures(start, end, type=type_name)
        samples = await self._manager.find_tasks([group.sample_task for group in groups])
        shown = {info.id for info in samples if await self._judge.may_view_errors(requester, info)}
        return [
            group if group.sample_task in shown else evolve(group, frame=None) for group in groups
        ]

    async def failure_facets(
        self,
        requester: Requester,
        group: str,
        *,
        by: str,
        start: datetime | None,
        end: datetime | None,
        type_name: str | None,
    ) -> Sequence[FailureFacet]:
        """What the tasks of a failure have in common. Raises NotAllowedError for whoever may not
        see statistics, or the arguments by which they are told apart; QueryError for what cannot be
        answered."""
        await self.check_may_see_statistics(requester)
        if is_of_arguments(by):
            await self._judge.check_may_see_arguments(requester)
        return await self._manager.get_failure_facets(group, by, start, end, type=type_name)

    async def processes(self, requester: Requester) -> Sequence[ProcessInfo]:
        """The processes that share the database. Raises NotAllowedError for whoever may not see
        statistics."""
        await self.check_may_see_statistics(requester)
        return await self._manager.get_processes()

    async def types(self, requester: Requester) -> Sequence[TypeInfo]:
        """All types of tasks. Raises NotAllowedError for whoever may neither see statistics nor
        control them."""
        if not await self._judge.may_see_statistics(requester):
            await self._check_may_control(requester)
        return await self._manager.get_types()

    async def schedules(
        self, requester: Requester, *, after: str, limit: int
    ) -> Sequence[ScheduleInfo]:
        """At most ``limit`` schedules, in the order of their names, behind the name ``after``.
        Raises NotAllowedError for whoever may not control them."""
        await self._check_may_control(requester)
        return await self._manager.get_schedules(after=after, limit=limit)

    async def check_may_see_statistics(self, requester: Requester) -> None:
        """Raises NotAllowedError for whoever may not."""
        if not await self._judge.may_see_statistics(requester):
            raise NotAllowedError(
                "you may not see statistics of everybody's tasks here; the application's policy "
                "can allow it by can_see_statistics"
            )

    async def _check_may_control(self, requester: Requester) -> None:
        if not await self._judge.may_control(requester):
            raise NotAllowedError(
                "you may not see what concerns everybody's tasks here; the application's policy "
                "can allow it by can_control"
            )

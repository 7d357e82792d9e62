"""Numbers about all tasks."""

from collections import Counter

from bgtasks.backends.base import Backend
from bgtasks.core.attention import needs_attention
from bgtasks.core.overview import Overview
from bgtasks.models import BackgroundTaskStatus, OldestWaiting, ProcessCounts, Stats

__all__ = ["Statistics"]

Status = BackgroundTaskStatus


class Statistics:
    """Asks the backend, and says what that means."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def now(self) -> Stats:
        """How things are now."""
        overview = await self._backend.overview()
        processes = await self._backend.processes()
        as_of = self._backend.now()
        counts: Counter[Status] = Counter()
        for (_, status), number in overview.counts.items():
            counts[status] += number
        alive = [item for item in processes if item.alive]
        return Stats(
            as_of=as_of,
            waiting=max(0, counts[Status.PENDING] - overview.scheduled - overview.retrying),
            scheduled=overview.scheduled,
            retrying=overview.retrying,
            running=counts[Status.RUNNING],
            cancelling=overview.cancelling,
            completed=counts[Status.COMPLETED],
            failed=counts[Status.FAILED],
            cancelled=counts[Status.CANCELLED],
            oldest_waiting=_oldest_waiting(overview),
            next_scheduled_at=overview.next_due_at,
            places=sum(item.max_concurrency for item in alive if item.runs_tasks),
            processes=ProcessCounts(len(alive), len(processes) - len(alive)),
            attention=needs_attention(overview, processes, as_of),
        )


def _oldest_waiting(overview: Overview) -> OldestWaiting | None:
    oldest = min(overview.oldest.values(), key=lambda task: task.at, default=None)
    return None if oldest is None else OldestWaiting(oldest.id, oldest.type, oldest.at)

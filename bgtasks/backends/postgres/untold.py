"""What this process changes and has not announced yet."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

__all__ = ["Also", "Untold"]

ANSWERED_WITHIN = 1.0
"""Seconds that others wait for the answer to a change of their task."""

Also = Callable[[Iterable[UUID]], None]
"""Names further tasks that a change concerns."""


class Untold:
    """Keeps the order of a task's revisions where two connections are at work: a claim may be
    answered before the change that let the task wait is announced."""

    def __init__(self) -> None:
        self._changing: dict[UUID, asyncio.Event] = {}

    @contextmanager
    def while_changing(self, task_ids: Iterable[UUID]) -> Iterator[tuple[asyncio.Event, Also]]:
        """In here these tasks are changed, and what they are now is announced. Others go on as soon
        as the event is set."""
        event, held = asyncio.Event(), set[UUID]()

        def also(more: Iterable[UUID]) -> None:
            for task_id in more:
                held.add(task_id)
                self._changing[task_id] = event

        also(task_ids)
        try:
            yield event, also
        finally:
            event.set()
            for task_id in held:
                if self._changing.get(task_id) is event:
                    del self._changing[task_id]

    async def told(self, task_ids: Iterable[UUID]) -> None:
        """Wait until what this process is changing of these tasks has been announced; for a second
        at most, should an answer be late."""
        changing = self._changing
        coming = {changing[item] for item in task_ids if item in changing} if changing else set()
        if coming:
            waiting = [asyncio.create_task(event.wait()) for event in coming]
            await asyncio.wait(waiting, timeout=ANSWERED_WITHIN)
            for task in waiting:
                task.cancel()

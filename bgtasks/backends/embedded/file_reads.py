"""Looking at the tasks in the file."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from bgtasks.backends.embedded import reader
from bgtasks.backends.embedded.reading import Reading
from bgtasks.backends.embedded.store_health import StoreHealth
from bgtasks.backends.task_reads import Counts, TaskReads
from bgtasks.core.record import TaskPage, TaskQuery, TaskRecord
from bgtasks.core.task_types import TypeRecord
from bgtasks.errors import BackendError
from bgtasks.models import AttemptFailure

__all__ = ["FileReads"]

T = TypeVar("T")


class FileReads(TaskReads):
    """Puts each question to ``reading``; what damage it meets is noted in ``health``."""

    def __init__(self, reading: Reading, health: StoreHealth) -> None:
        self._reading = reading
        self._health = health

    async def get(self, task_id: UUID) -> TaskRecord | None:
        return await self._read(partial(reader.fetch_task, task_id=task_id))

    async def show(self, task_ids: Sequence[UUID], *, payloads: bool) -> Sequence[TaskRecord]:
        return await self._read(partial(reader.fetch_shown, task_ids=task_ids, payloads=payloads))

    async def page(self, query: TaskQuery) -> TaskPage:
        return await self._read(partial(reader.fetch_page, query=query))

    async def count_window(self, query: TaskQuery) -> tuple[Counts, int | None]:
        return await self._read(partial(reader.count_window, query=query))

    async def accepted_before(self, sequence: int) -> tuple[int, datetime] | None:
        return await self._read(partial(reader.accepted_before, sequence=sequence))

    async def failures(self, task_id: UUID) -> Sequence[AttemptFailure]:
        return await self._read(partial(reader.fetch_failures, task_id=task_id))

    async def types(self, names: Sequence[str] | None) -> Sequence[TypeRecord]:
        return await self._read(partial(reader.fetch_types, names=names))

    async def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._reading.ask(question)
        except sqlite3.Error as error:
            self._health.note_damage(error)
            raise BackendError(f"the task database cannot be read: {error}") from error

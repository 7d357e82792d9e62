"""The tasks of schedules, made by what the application registered."""

import asyncio
import logging
from collections.abc import Callable
from inspect import isawaitable

from bgtasks.clock import SystemClock, sleep
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.record import TaskRecord
from bgtasks.core.schedules.definition import Schedule
from bgtasks.core.submission import SubmitOptions
from bgtasks.core.text import clean, describe, shown
from bgtasks.errors import RegistrationError
from bgtasks.models import BackgroundTaskBase

__all__ = ["NotMadeError", "TaskMaker"]

logger: logging.Logger = logging.getLogger(__name__)

TRIES = 3

PAUSE = 0.2
"""Seconds between two tries."""

MADE_WITHIN = 30.0
"""Seconds that a task may take to be made."""

MAX_TOLD = 1_000
"""The longest message that is kept of a failure."""


class NotMadeError(Exception):
    """What the application registered made no task, however often it was asked; in words why."""


class TaskMaker:
    """Makes records of new tasks; ``new_record`` makes one of a task and its options."""

    def __init__(
        self, new_record: Callable[[BackgroundTaskBase, SubmitOptions], TaskRecord]
    ) -> None:
        self._new_record = new_record

    async def patiently(self, item: Schedule) -> TaskRecord:
        """As ``once``, tried three times. Raises NotMadeError."""
        for tried in range(1, TRIES + 1):
            try:
                return await self.once(item)
            except BaseException as error:
                if ends_this_task(error):
                    raise
                logger.exception(
                    "schedule %s: its task could not be made (try %d of %d)",
                    item.name,
                    tried,
                    TRIES,
                )
                said = clean(f"{type(error).__name__}: {describe(error)}", MAX_TOLD)
            if tried < TRIES:
                await sleep(SystemClock(), PAUSE)
        raise NotMadeError(said)

    async def once(self, item: Schedule) -> TaskRecord:
        """The record of a new task of a schedule; raises what the application's code raises."""
        async with asyncio.timeout(MADE_WITHIN):
            task = item.make()
            if isawaitable(task):
                task = await task
        if type(task) is not item.task_type:
            raise RegistrationError(
                f"schedule({item.name!r}, ...): its provider made {shown(task)}; expected a "
                f"{item.task_type.__name__}"
            )
        return self._new_record(task, item.options)._replace(schedule=item.name)

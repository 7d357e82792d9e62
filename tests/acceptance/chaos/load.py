"""What the nodes have to do meanwhile: tasks of every kind, handed in and cancelled."""

import asyncio
import contextlib
import random
from uuid import UUID

from bgtasks import BackendError, BackgroundTaskBase, DuplicateTaskError
from tests.acceptance.chaos.application import (
    FlakyTask,
    HopelessTask,
    LimitedTask,
    LongTask,
    OnceTask,
    QuickTask,
    ThreadTask,
)
from tests.acceptance.chaos.node import Node
from tests.acceptance.chaos.ward import PATIENCE, Ward

__all__ = ["Load"]

UNKNOWN = "not known"
"""What the message of an error says where the answer was lost."""


class Load:
    """One client of one node, from ``start`` to ``stop``; what it does comes from ``chance``.

    ``doubtful`` are calls whose tasks may have been accepted or may be yet, ``refused`` tasks that
    were not.
    """

    def __init__(self, ward: Ward, node: Node, chance: random.Random) -> None:
        self.doubtful: list[list[BackgroundTaskBase]] = []
        self.refused: list[UUID] = []
        self._ward = ward
        self._node = node
        self._chance = chance
        self._mine: list[UUID] = []
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Raises what went wrong."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running], timeout=PATIENCE)
            assert running.done(), f"the client of {self._node.name} was cancelled and goes on"
            if not running.cancelled():
                await running

    async def clear_doubts(self) -> None:
        """Submit what is doubtful again, with its ids: afterwards it is there, and only once.

        To look it up is not enough: whoever is cancelled does not stop the statement that he shares
        with others, which may arrive after the look.
        """
        async with asyncio.timeout(PATIENCE):
            for task in [task for call in self.doubtful for task in call]:
                await self._make_sure_of(task)
                self._ward.accept([task.id])

    async def _make_sure_of(self, task: BackgroundTaskBase) -> None:
        while True:
            with contextlib.suppress(BackendError):  # the way there is not whole yet
                with contextlib.suppress(DuplicateTaskError):
                    await self._node.hand_in(task)
                return
            await asyncio.sleep(0.05)

    async def _go_on(self) -> None:
        while True:
            await self._hand_in()
            if self._mine and self._chance.random() < 0.3:
                await self._cancel(self._chance.choice(self._mine))
            await asyncio.sleep(self._chance.random() * 0.15)

    async def _hand_in(self) -> None:
        tasks = [self._some_task() for _ in range(self._chance.randint(1, 4))]
        ids = [task.id for task in tasks]
        delay = self._chance.choice([None, None, None, 0.3])
        try:
            # One that is cancelled on its way is as doubtful as one without an answer.
            self.doubtful.append(tasks)
            accepted = await self._ward.hand_in(
                self._node, *tasks, delay=delay, priority=self._chance.randint(-1, 1)
            )
        except BackendError as error:
            if UNKNOWN in str(error):
                return
            self.refused += ids
        else:
            self._mine += accepted
        self.doubtful.remove(tasks)

    async def _cancel(self, task_id: UUID) -> None:
        with contextlib.suppress(BackendError):  # done or not: the task ends
            await self._node.manager.cancel_task(task_id)

    def _some_task(self) -> BackgroundTaskBase:
        kinds: list[BackgroundTaskBase] = [
            QuickTask(),
            LongTask(steps=5),
            LongTask(steps=40),
            FlakyTask(),
            HopelessTask(),
            OnceTask(),
            ThreadTask(),
            LimitedTask(),
        ]
        return self._chance.choice(kinds)

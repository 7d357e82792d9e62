"""Whoever gives up a call while the database fails is cancelled: no error, and no answer, takes the
place of that. A loop that is told to end would go on."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest

from bgtasks import BackgroundTaskManager
from tests.acceptance.chaos.application import LongTask, QuickTask
from tests.acceptance.chaos.node import Node
from tests.acceptance.chaos.storm import Storm
from tests.acceptance.chaos.test_random_faults import drawn_from
from tests.acceptance.chaos.ward import PATIENCE, Ward

CALLERS = 3
"""So many at each node."""

Calls = Sequence[Callable[[BackgroundTaskManager, UUID], Awaitable[object]]]

CALLS: Calls = [
    lambda manager, _: manager.run_tasks([QuickTask(), LongTask(steps=20)]),
    lambda manager, task_id: manager.cancel_task(task_id),
    lambda manager, task_id: manager.retry_task(task_id),
    lambda manager, task_id: manager.delete_task(task_id),
    lambda manager, task_id: manager.try_get_task(task_id),
    lambda manager, _: manager.get_tasks(limit=1),
    lambda manager, _: manager.count_tasks(),
    lambda manager, _: manager.get_stats(),
]


async def give_up_calls(ward: Ward, chance: random.Random, faults: int) -> None:
    workers = [await ward.add(heartbeat_timeout=15, max_concurrency=10) for _ in range(2)]
    nodes = [*workers, await ward.add_web(heartbeat_timeout=15)]
    ids = [task_id for _ in range(5) for task_id in await ward.hand_in(nodes[-1], QuickTask())]
    async with asyncio.TaskGroup() as group:
        storm = group.create_task(Storm(ward, chance, longest=1.0).rage(nodes, faults))
        for node in nodes * CALLERS:
            group.create_task(call_and_give_up(node, ids, chance, storm))


async def call_and_give_up(
    node: Node, ids: Sequence[UUID], chance: random.Random, storm: "asyncio.Task[None]"
) -> None:
    """Again and again, after a few turns of the event loop, or after some time."""
    while not storm.done():
        call = chance.choice(CALLS)
        asked = asyncio.ensure_future(call(node.manager, chance.choice(ids)))
        if chance.random() < 0.5:
            for _ in range(chance.randrange(60)):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(chance.random() * chance.choice([0.005, 0.05, 0.5]))
        is_told = asked.cancel()
        await asyncio.wait([asked], timeout=PATIENCE)
        assert asked.cancelled() == is_told, asked
        if not is_told:
            asked.exception()  # of a call that had ended before


async def test_who_gives_up_amid_thirty_faults_is_cancelled(ward: Ward) -> None:
    await give_up_calls(ward, drawn_from(), 30)


@pytest.mark.long
async def test_who_gives_up_amid_faults_is_cancelled(ward: Ward) -> None:
    await give_up_calls(ward, drawn_from(), 300)

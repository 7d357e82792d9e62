"""How many of a type run at once is bounded over all processes, while priorities change."""

import asyncio
import random

import pytest

from bgtasks import BackgroundTaskBase
from tests.acceptance.chaos.application import (
    LIMITS,
    FiveTask,
    LimitedTask,
    LonelyTask,
    QuickTask,
)
from tests.acceptance.chaos.attempts import most_at_once
from tests.acceptance.chaos.process import WorkerProcess
from tests.acceptance.chaos.ward import Ward

PROCESSES = 4
ROUNDS = 60
SEED = 20260102

TYPES: list[type[BackgroundTaskBase]] = [LimitedTask, LonelyTask, FiveTask, QuickTask]


@pytest.fixture
async def workers(ward: Ward) -> list[WorkerProcess]:
    made = [await ward.add_process() for _ in range(PROCESSES)]
    await asyncio.gather(*(process.ready() for process in made))
    return made


async def test_processes_that_race_for_a_type_keep_to_its_limit_whatever_the_priorities(
    ward: Ward, workers: list[WorkerProcess]
) -> None:  # FAULTS F, last line
    chance = random.Random(SEED)
    web = await ward.add_web()
    for _ in range(ROUNDS):
        # What comes later goes first, or last, or between: no process finds what another one saw.
        for priority in chance.choices(range(-100, 100), k=3):
            kinds = chance.choices(TYPES, k=2)
            await ward.hand_in(web, *[kind() for kind in kinds], priority=priority)
        await asyncio.sleep(chance.random() * 0.03)
    stored = await ward.check()
    assert {task["status"] for task in stored.values()} == {"Completed"}
    ward.check_nothing_was_interrupted(stored)
    attempts = ward.attempts.read()
    assert {attempt.node for attempt in attempts} == {worker.name for worker in workers}
    most = {
        name: most_at_once([attempt for attempt in attempts if attempt.type == name])
        for name in LIMITS
    }
    assert all(most[name] <= limit for name, limit in LIMITS.items()), f"never more: {most}"
    assert all(most[name] > 1 for name, limit in LIMITS.items() if limit > 1), (
        f"side by side: {most}"
    )

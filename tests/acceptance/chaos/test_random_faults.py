"""Faults at random over a mixed load. The seed is printed, and what has happened: with
``BGTASKS_SEED`` in the environment the same is drawn again."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from tests.acceptance.chaos.load import Load
from tests.acceptance.chaos.storm import Storm
from tests.acceptance.chaos.ward import Ward


def drawn_from(run: int = 0) -> random.Random:
    """What decides everything in a test; each run of the same test has a seed of its own."""
    seed = int(os.environ.get("BGTASKS_SEED") or time.time_ns() % 1_000_000 + run * 1_000_000)
    print(f"BGTASKS_SEED={seed}")
    return random.Random(seed)


async def everybody_lives(ward: Ward, chance: random.Random, faults: int) -> None:
    """Two workers and a web node with a browser at it, all of which live on: nothing is
    interrupted, lost, failed without a start, or settled twice, and everybody knows every end."""
    workers = [await ward.add(heartbeat_timeout=15, max_concurrency=10) for _ in range(2)]
    web = await ward.add_web(heartbeat_timeout=15)
    await ward.add_page(web)
    async with loaded(ward, chance) as loads:
        await Storm(ward, chance, longest=1.0).rage([*workers, web], faults)
    stored = await after_the_storm(ward, loads)
    ward.check_nothing_was_interrupted(stored)


async def workers_die(ward: Ward, chance: random.Random, faults: int, deaths: int) -> None:
    """Two worker processes and a web node. They also are killed, stopped or frozen: attempts are
    interrupted, and that is counted, but only for those that have begun."""
    workers = [await ward.add_process(heartbeat=2) for _ in range(2)]
    web = await ward.add_web(heartbeat_timeout=2)
    await ward.add_page(web)
    await asyncio.gather(*(worker.ready() for worker in workers))
    async with loaded(ward, chance) as loads:
        dying = [worker.die(deaths // 2, random.Random(chance.random())) for worker in workers]
        storm = Storm(ward, chance, longest=3.0)
        await asyncio.gather(storm.rage([*workers, web], faults), *dying)
    await after_the_storm(ward, loads)


@asynccontextmanager
async def loaded(ward: Ward, chance: random.Random) -> AsyncIterator[list[Load]]:
    """Every node has a client while this lasts; then all that is wrong ends."""
    loads = [Load(ward, node, random.Random(chance.random())) for node in ward.nodes]
    for load in loads:
        load.start()
    yield loads
    for load in loads:
        await load.stop()
    ward.heal()


async def after_the_storm(ward: Ward, loads: list[Load]) -> dict[str, Any]:
    """Of a call that is doubtful all tasks are there or none; of one that was refused there are
    none, and none arrives later."""
    there = {UUID(task_id) for task_id in await ward.history.tasks()}
    refused = {task_id for load in loads for task_id in load.refused}
    assert not there & refused
    doubtful = [{task.id for task in call} for load in loads for call in load.doubtful]
    for call in doubtful:
        assert call <= there or not call & there
    await asyncio.gather(*(load.clear_doubts() for load in loads))
    stored = await ward.check(60)
    assert {UUID(task_id) for task_id in stored} == set(ward.accepted)
    print(f"{len(stored)} tasks, {len(doubtful)} doubtful calls, {len(refused)} refused tasks")
    return stored


async def test_forty_faults_that_everybody_lives_through(ward: Ward) -> None:
    await everybody_lives(ward, drawn_from(), 40)


async def test_twenty_faults_while_workers_die(ward: Ward) -> None:
    await workers_die(ward, drawn_from(), 16, 4)


@pytest.mark.long
@pytest.mark.parametrize("run", range(6))
async def test_faults_that_everybody_lives_through(ward: Ward, run: int) -> None:
    await everybody_lives(ward, drawn_from(run), 150)


@pytest.mark.long
@pytest.mark.parametrize("run", range(4))
async def test_faults_while_workers_die(ward: Ward, run: int) -> None:
    await workers_die(ward, drawn_from(run), 100, 20)

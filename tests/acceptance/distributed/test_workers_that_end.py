"""Workers are stopped and killed with work in flight."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.distributed.cluster import Cluster, running_cluster
from tests.acceptance.distributed.load import some_tasks
from tests.acceptance.distributed.node import WorkerNode, until

pytestmark = pytest.mark.postgres

KILLS = [12, pytest.param(30, marks=pytest.mark.long)]


async def test_a_worker_that_is_told_to_stop_hands_its_tasks_to_the_other_one(
    cluster: Cluster,
) -> None:
    viewer = cluster.viewers[0]
    ids = await cluster.hand_in(*[{"type": "GateTask", "gate": str(cluster.gate())}] * 12)
    pids = {task_id: (await viewer.sees_running(task_id)).pid for task_id in ids}
    leaving = cluster.worker(pids[ids[0]])
    staying = cluster.other(leaving)
    leaving.send(signal.SIGTERM)
    assert await leaving.ended() == 0
    for task_id in ids:
        attempt = 2 if pids[task_id] == leaving.pid else 1
        await viewer.sees_running(task_id, attempt, staying.pid)
    cluster.gate().touch()
    await cluster.every_client_sees_the_end()
    await cluster.check()
    for task_id in ids:
        task = await cluster.history.task(task_id)
        assert task["status"] == "Completed"
        assert task["interruptions"] == 0  # a stop is no crash
    assert staying.is_alive


async def test_deploys_in_the_middle_of_a_task_never_fail_it(cluster: Cluster) -> None:
    """FAULTS 37."""
    (task_id,) = await cluster.hand_in({"type": "GateTask", "gate": str(cluster.gate())})
    stops = [signal.SIGTERM, signal.SIGINT] * 3
    for attempt, number in enumerate(stops, 1):
        worker = await runs_it_now(cluster, task_id, attempt)
        worker.send(number)
        assert await worker.ended() == 0
        worker.start()
    cluster.gate().touch()
    await cluster.every_client_sees_the_end()
    for worker in cluster.workers:
        await worker.ready()
    await cluster.check()
    task = await cluster.history.task(task_id)
    assert (task["status"], task["interruptions"]) == ("Completed", 0)
    assert task["attempt"] == len(stops) + 1


async def runs_it_now(cluster: Cluster, task_id: str, attempt: int) -> WorkerNode:
    """Not who has run the attempt before, of which the payload tells first."""
    alive = {worker.pid for worker in cluster.workers}
    seen = await cluster.viewers[0].sees(
        task_id, lambda seen: seen.task["attempt"] == attempt and seen.pid in alive
    )
    return cluster.worker(seen.pid)


@pytest.mark.parametrize("kills", KILLS)
async def test_whenever_workers_are_killed_every_task_ends_and_ends_once(
    task_database: str, tmp_path: Path, kills: int
) -> None:
    seed = int(os.environ.get("BGTASKS_SEED") or time.time())
    print(f"BGTASKS_SEED={seed}")
    chance = random.Random(seed)
    async with running_cluster(task_database, tmp_path, HOST_HEARTBEAT="1") as cluster:
        killing = asyncio.gather(
            *(
                kill_again_and_again(worker, kills // 2, random.Random(chance.random()))
                for worker in cluster.workers
            )
        )
        while not killing.done():
            await hand_in_some(cluster, chance)
            await asyncio.sleep(chance.random() * 0.15)
        assert sum(killing.result()) == kills
        await cluster.every_client_sees_the_end(60)
        await cluster.check()
        tasks = (await cluster.history.tasks()).values()
        for task in tasks:
            if task["status"] == "Failed":  # it raised just when it was cancelled
                assert task["type"] == "FailingTask", dict(task)
                assert task["cancel_requested"], dict(task)
                assert task["error_message"] == "failure 1", dict(task)
        ends = {kind for task in tasks for kind in task["kinds"] or ()}
        assert ends <= {"interrupted", "failed", "cancelled", "not begun"}
        cut_off = sum(task["interruptions"] for task in tasks)
        print(f"{len(tasks)} tasks, {cut_off} attempts cut off")
        assert cut_off >= kills // 3, "the kills are meant to come while tasks run"


async def kill_again_and_again(worker: WorkerNode, times: int, chance: random.Random) -> int:
    """A supervisor that starts it again each time; mostly while it works, now and then while it
    starts."""
    for _ in range(times):
        if chance.random() < 0.85:
            await worker.ready()
        await asyncio.sleep(chance.random() ** 2)
        worker.send(signal.SIGKILL)
        assert await worker.ended() == -signal.SIGKILL
        worker.start()
    await worker.ready()
    return times


async def hand_in_some(cluster: Cluster, chance: random.Random) -> None:
    ids = await cluster.hand_in(*some_tasks(chance), web=chance.randrange(2))
    assert ids
    if chance.random() < 0.2:
        await chance.choice(cluster.viewers).ask("CancelTask", chance.choice(ids))


async def test_a_task_that_kills_its_worker_has_failed_after_the_third_time(
    cluster: Cluster,
) -> None:
    viewer = cluster.viewers[1]
    (poison,) = await cluster.hand_in({"type": "PoisonTask"})
    await cluster.hand_in(*[{"type": "StepTask", "steps": 20}] * 10)
    deaths = 0

    def supervise() -> bool:
        nonlocal deaths
        for worker in cluster.workers:
            if not worker.is_alive:
                deaths += 1
                worker.start()
        return viewer.is_final(poison)

    await until(supervise, lambda: f"it has failed; {deaths} deaths", 60)
    for worker in cluster.workers:
        await worker.ready()
    await cluster.every_client_sees_the_end()
    await cluster.check()
    assert deaths == 3
    tasks = await cluster.history.tasks()
    task = tasks.pop(poison)
    assert (task["status"], task["attempt"], task["interruptions"]) == ("Failed", 3, 3)
    assert "Interrupted 3 times" in task["error_message"]
    assert {task["status"] for task in tasks.values()} == {"Completed"}

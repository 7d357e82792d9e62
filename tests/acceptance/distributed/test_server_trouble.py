"""PostgreSQL goes away and comes back; nobody has to be started again for it."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.distributed.cluster import Cluster, running_cluster
from tests.acceptance.distributed.conftest import upgraded
from tests.acceptance.distributed.load import some_tasks
from tests.servers.postgres import PostgresServer, StopMode

pytestmark = pytest.mark.postgres

CUT_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE application_name = 'bgtasks listener' AND datname = current_database()
"""

LISTENERS = """
SELECT pid FROM pg_stat_activity
 WHERE application_name = 'bgtasks listener' AND datname = current_database()
"""


async def test_the_server_is_stopped_and_started_under_load(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    seed = int(os.environ.get("BGTASKS_SEED") or time.time())
    print(f"BGTASKS_SEED={seed}")
    chance = random.Random(seed)
    url = await upgraded(own_server)
    async with running_cluster(url, tmp_path) as cluster:
        pids = [node.pid for node in cluster.nodes]
        over = asyncio.Event()
        loads = [
            asyncio.create_task(load(cluster, web, random.Random(chance.random()), over))
            for web in (0, 1)
        ]
        modes: list[StopMode] = ["fast", "immediate", "fast"]
        for mode in modes:
            await asyncio.sleep(1 + chance.random())
            await asyncio.to_thread(own_server.stop, mode)
            await asyncio.sleep(0.5 + chance.random())
            await asyncio.to_thread(own_server.start)
        began = time.monotonic()
        await asyncio.sleep(1)
        over.set()
        refused = sum(await asyncio.gather(*loads))
        await cluster.every_client_sees_the_end(60)
        print(
            f"{len(cluster.accepted)} accepted, {refused} refused; everybody knew every end "
            f"{time.monotonic() - began:.1f} s after the last start"
        )
        await cluster.check()
        assert refused
        assert [node.pid for node in cluster.nodes] == pids
        assert all(node.is_alive for node in cluster.nodes)


async def load(cluster: Cluster, web: int, chance: random.Random, over: asyncio.Event) -> int:
    """Hand tasks in until it is over; how often they were not accepted."""
    refused = 0
    while not over.is_set():
        ids = await cluster.hand_in(*some_tasks(chance), web=web)
        refused += not ids
        await asyncio.sleep(0.05)
    return refused


async def test_workers_can_end_while_the_server_is_down(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    url = await upgraded(own_server)
    async with running_cluster(url, tmp_path, HOST_HEARTBEAT="5") as cluster:
        told, killed = cluster.workers
        gates = {worker: cluster.gate(worker.name) for worker in cluster.workers}
        for worker in cluster.workers:
            cluster.other(worker).send(signal.SIGSTOP)
            ids = await cluster.hand_in(*[{"type": "GateTask", "gate": str(gates[worker])}] * 5)
            for task_id in ids:
                await cluster.viewers[0].sees_running(task_id, 1, worker.pid)
            cluster.other(worker).send(signal.SIGCONT)
        await asyncio.to_thread(own_server.stop, "immediate")
        killed.kill()
        told.send(signal.SIGTERM)
        assert await told.ended() == 0
        await asyncio.to_thread(own_server.start)
        for worker in cluster.workers:
            worker.start()
            gates[worker].touch()
        for worker in cluster.workers:
            await worker.ready()
        await cluster.every_client_sees_the_end()
        await cluster.check()
        for task_id in cluster.accepted:
            task = await cluster.history.task(task_id)
            assert (task["status"], task["attempt"], task["interruptions"]) == ("Completed", 2, 1)


async def test_ends_are_seen_although_every_listening_connection_is_cut(cluster: Cluster) -> None:
    viewer = cluster.viewers[0]
    for web in (0, 1):
        await cluster.hand_in(
            *[{"type": "GateTask", "gate": str(cluster.gate())}] * 20,
            *[{"type": "StepTask", "steps": 60, "pause": 0.02}] * 20,
            web=web,
        )
    for task_id in cluster.accepted:
        await viewer.sees_running(task_id)
    for number in range(10):
        assert len(await cluster.history.ask(CUT_LISTENERS)) >= (4 if number == 0 else 0)
        if number == 0:
            cluster.gate().touch()
        await cluster.hand_in({"type": "QuickTask"}, web=number % 2)
        await asyncio.sleep(0.1)
    began = time.monotonic()
    await cluster.every_client_sees_the_end(10)
    print(f"everybody knew every end {time.monotonic() - began:.2f} s after the last cut")
    await cluster.check()
    for node in cluster.nodes:
        await node.has_said("again")


async def test_a_listener_that_is_deaf_is_noticed_and_what_it_missed_is_seen(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    url = await upgraded(own_server)
    async with running_cluster(url, tmp_path) as cluster:
        (task_id,) = await cluster.hand_in({"type": "GateTask", "gate": str(cluster.gate())})
        for viewer in cluster.viewers:
            await viewer.sees_running(task_id)
        deaf = [row["pid"] for row in await cluster.history.ask(LISTENERS)]
        assert len(deaf) == 4
        for pid in deaf:  # the server's ends of the connections: they stay open and say nothing
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            cluster.gate().touch()
            await cluster.hand_in(*[{"type": "StepTask"}] * 5)
            await cluster.every_client_sees_the_end(15)
            print(f"everybody knew every end after {time.monotonic() - began:.2f} s")
            for node in cluster.nodes:
                await node.has_said("is deaf")
        finally:
            for pid in deaf:
                os.kill(pid, signal.SIGCONT)
        await cluster.check()

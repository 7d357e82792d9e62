"""Workers that stand still for longer than their heartbeat, and then go on."""

import asyncio
import signal
from uuid import UUID

import asyncpg
import pytest

from tests.acceptance.distributed.cluster import Cluster
from tests.acceptance.distributed.node import WorkerNode

pytestmark = pytest.mark.postgres

WAITS_FOR_LOCK = """
SELECT FROM pg_stat_activity
 WHERE application_name = 'bgtasks' AND datname = current_database() AND wait_event_type = 'Lock'
"""

LOCK_TASK = "SELECT FROM bgtasks_tasks WHERE id = $1 FOR UPDATE"

TAKEN_OVER = "attempt 1 is over, the task was given to another one"


async def test_a_frozen_worker_changes_nothing_of_what_was_taken_over_meanwhile(
    cluster: Cluster,
) -> None:
    viewer = cluster.viewers[0]
    (task_id,) = await cluster.hand_in({"type": "GateTask", "gate": str(cluster.gate())})
    frozen = cluster.worker((await viewer.sees_running(task_id)).pid)
    other = cluster.other(frozen)
    frozen.send(signal.SIGSTOP)
    await viewer.sees_running(task_id, 2, other.pid)
    cluster.gate().touch()
    await cluster.every_client_sees_the_end()
    ended = await cluster.history.task(task_id)
    assert (ended["status"], ended["attempt"]) == ("Completed", 2)
    frozen.send(signal.SIGCONT)
    await frozen.has_said(TAKEN_OVER)
    assert await cluster.history.task(task_id) == ended
    await it_goes_on(cluster, by_itself=frozen)


async def test_a_frozen_worker_ends_its_attempt_while_another_one_has_the_task(
    cluster: Cluster,
) -> None:
    viewer = cluster.viewers[0]
    (task_id,) = await cluster.hand_in({"type": "GateTask", "gate": str(cluster.gate())})
    frozen = cluster.worker((await viewer.sees_running(task_id)).pid)
    other = cluster.other(frozen)
    frozen.send(signal.SIGSTOP)
    await viewer.sees_running(task_id, 2, other.pid)
    frozen.send(signal.SIGCONT)
    await frozen.has_said(TAKEN_OVER)
    newest = viewer.newest(task_id)
    assert newest is not None
    await viewer.sees(task_id, lambda seen: seen.task["revision"] > newest.task["revision"] + 2)
    cluster.gate().touch()
    await cluster.every_client_sees_the_end()
    assert (await cluster.history.task(task_id))["attempt"] == 2
    await it_goes_on(cluster, by_itself=frozen)


async def it_goes_on(cluster: Cluster, *, by_itself: WorkerNode) -> None:
    """The worker that was frozen serves as before, also alone."""
    other = cluster.other(by_itself)
    other.send(signal.SIGTERM)
    assert await other.ended() == 0
    ids = await cluster.hand_in({"type": "QuickTask"}, {"type": "StepTask"}, web=1)
    for viewer in cluster.viewers:
        await viewer.sees_the_end_of(ids)
        for task_id in ids:
            newest = viewer.newest(task_id)
            assert newest is not None
            assert newest.pid == by_itself.pid
    await cluster.check()


async def test_a_worker_that_freezes_in_a_transaction_keeps_nobody_from_its_task(
    cluster: Cluster,
) -> None:
    frozen, other = cluster.workers
    for worker in (frozen, other):
        worker.send(signal.SIGSTOP)
    (task_id,) = await cluster.hand_in({"type": "StepTask"})
    blocker = await asyncpg.connect(cluster.database)
    try:
        async with blocker.transaction():
            # A claim takes the job first. It does not get the task, so it is held up in between.
            await blocker.execute(LOCK_TASK, UUID(task_id))
            frozen.send(signal.SIGCONT)
            await held_up(cluster)
            frozen.send(signal.SIGSTOP)
    finally:
        await blocker.close()
    other.send(signal.SIGCONT)
    await cluster.every_client_sees_the_end()
    frozen.send(signal.SIGCONT)
    ended = cluster.viewers[0].newest(task_id)
    assert ended is not None
    # The claim is one statement: the server may have completed it for the frozen worker, whose
    # attempt then was cut off.
    assert ended.task["attempt"] in (1, 2)
    assert ended.pid == other.pid
    await it_goes_on(cluster, by_itself=frozen)


async def held_up(cluster: Cluster) -> None:
    """Wait until somebody waits for a lock."""
    for _ in range(500):
        if await cluster.history.ask(WAITS_FOR_LOCK):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits for the lock")

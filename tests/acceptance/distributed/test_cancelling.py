"""A cancellation asked for at one node ends an attempt in another process."""

import time
from collections.abc import Sequence
from uuid import UUID

import pytest

from tests.acceptance.distributed.cluster import Cluster
from tests.acceptance.distributed.viewer import Seen

pytestmark = pytest.mark.postgres

WITHOUT_NOTIFICATION = """
UPDATE bgtasks_tasks
   SET cancel_requested = true, revision = revision + 1
 WHERE id = $1 AND status = 'Running' AND NOT cancel_requested
"""
"""The stored request of a node whose notification was lost."""


def is_cancelled(seen: Seen) -> bool:
    return bool(seen.task["status"] == "Cancelled")


def told(what: str, seconds: Sequence[float]) -> None:
    each = ", ".join(f"{value * 1000:.0f}" for value in sorted(seconds))
    print(f"{what}: {each} ms")


async def test_a_running_task_is_cancelled_from_a_web_node(cluster: Cluster) -> None:
    one, other = cluster.viewers
    took = []
    for _ in range(5):
        (task_id,) = await cluster.hand_in({"type": "GateTask", "gate": str(cluster.gate())})
        await other.sees_running(task_id)
        answer = await one.ask("CancelTask", task_id)
        acknowledged = time.monotonic()
        assert answer["ok"], answer
        ends = [await viewer.sees(task_id, is_cancelled) for viewer in (one, other)]
        took.append(max(seen.at for seen in ends) - acknowledged)
    told("from the acknowledgement to Cancelled in both browsers", took)
    assert max(took) < 2
    await cluster.check()


async def test_a_cancellation_whose_notification_was_lost_is_found(cluster: Cluster) -> None:
    took = []
    for _ in range(3):
        (task_id,) = await cluster.hand_in({"type": "GateTask", "gate": str(cluster.gate())})
        for viewer in cluster.viewers:
            await viewer.sees_running(task_id)
        await cluster.history.ask(WITHOUT_NOTIFICATION, UUID(task_id))
        asked = time.monotonic()
        ends = [await viewer.sees(task_id, is_cancelled) for viewer in cluster.viewers]
        took.append(max(seen.at for seen in ends) - asked)
    told("from the stored request to Cancelled in both browsers", took)
    assert max(took) < 5
    await cluster.check()


async def test_a_worker_that_goes_on_is_shown_as_running_until_it_has_ended(
    cluster: Cluster,
) -> None:
    one, other = cluster.viewers
    (task_id,) = await cluster.hand_in({"type": "StubbornTask", "gate": str(cluster.gate())})
    (in_thread,) = await cluster.hand_in({"type": "SyncTask", "seconds": 60}, web=1)
    for item in (task_id, in_thread):
        await one.sees_running(item)
        assert (await one.ask("CancelTask", item))["ok"]
    await other.sees(in_thread, is_cancelled)
    seen = await other.sees(task_id, lambda seen: bool(seen.task["statusMessage"] == "not yet"))
    assert seen.task["cancelRequested"]
    assert seen.task["status"] == "Running"
    assert not one.is_final(task_id)
    cluster.gate().touch()
    for viewer in (one, other):
        await viewer.sees(task_id, is_cancelled)
    await cluster.check()

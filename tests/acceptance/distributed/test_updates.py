"""What one process writes is seen by the clients of every other one."""

import signal

import pytest

from tests.acceptance.distributed.cluster import Cluster

pytestmark = pytest.mark.postgres


async def test_clients_of_both_nodes_see_rising_revisions_and_the_same_end(
    cluster: Cluster,
) -> None:
    for web in (0, 1):
        await cluster.hand_in(
            *[{"type": "StepTask", "steps": 40, "pause": 0.03}] * 5,
            *[{"type": "QuickTask"}, {"type": "SyncTask"}, {"type": "FailingTask"}] * 5,
            web=web,
        )
    await cluster.every_client_sees_the_end()
    await cluster.check()
    first, second = cluster.viewers
    for task_id in cluster.accepted:
        ends = [viewer.newest(task_id) for viewer in (first, second)]
        assert ends[0] is not None
        assert ends[1] is not None
        assert ends[0].task == ends[1].task
        assert ends[0].task["status"] == "Completed"
        if ends[0].task["type"] == "StepTask":
            for viewer in (first, second):
                under_way = [seen.task["progress"] for seen in viewer.seen[task_id]]
                assert len(under_way) >= 4, "what happens in between is shown too"
                assert under_way == sorted(under_way)


async def test_a_web_node_that_was_killed_shows_its_clients_the_ends_they_missed(
    cluster: Cluster,
) -> None:
    web, viewer = cluster.webs[0], cluster.viewers[0]
    slow = await cluster.hand_in(*[{"type": "GateTask", "gate": str(cluster.gate())}] * 10)
    for task_id in slow:
        await viewer.sees_running(task_id)
    web.send(signal.SIGKILL)
    assert await web.ended() == -signal.SIGKILL
    cluster.gate().touch()
    await cluster.hand_in(*[{"type": "QuickTask"}] * 10, web=1)
    await cluster.viewers[1].sees_the_end_of(cluster.accepted)
    assert len(viewer.open_tasks(cluster.accepted)) == 20
    web.start()
    await web.ready()
    await cluster.hand_in({"type": "StepTask"})
    await cluster.every_client_sees_the_end()
    assert viewer.connections == 2
    await cluster.check()


async def test_nothing_is_run_in_a_web_node(cluster: Cluster) -> None:
    for web in (0, 1):
        await cluster.hand_in(*[{"type": "StepTask", "steps": 2}] * 20, web=web)
    await cluster.every_client_sees_the_end()
    workers = {worker.pid for worker in cluster.workers}
    for viewer in cluster.viewers:
        for task_id in cluster.accepted:
            newest = viewer.newest(task_id)
            assert newest is not None
            assert newest.pid in workers
    await cluster.check()

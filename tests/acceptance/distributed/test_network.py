"""A host with a web node and a worker is cut off from the others, and comes back."""

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.distributed.cluster import Cluster, running_cluster
from tests.acceptance.distributed.conftest import upgraded
from tests.acceptance.distributed.network import OtherHost, why_not
from tests.acceptance.distributed.node import WebNode, WorkerNode
from tests.servers.databases import name_in
from tests.servers.errors import PostgresMissingError
from tests.servers.postgres import PostgresServer

REASON = why_not()

# Without the mark the skip is none of those that are failures where nothing may be skipped: most
# machines let only root make a network namespace, and tests are not to be run as root.
pytestmark = pytest.mark.postgres if REASON is None else pytest.mark.skip(reason=REASON)


@pytest.fixture
def other_host() -> Iterator[OtherHost]:
    with OtherHost() as host:
        yield host


@pytest.fixture
async def cluster(other_host: OtherHost, tmp_path: Path) -> AsyncIterator[Cluster]:
    """The second web node and the second worker are on the other host, the server is here."""
    server = PostgresServer(tmp_path / "postgres", listen=other_host.our_address)
    try:
        server.start()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    try:
        here = await upgraded(server)
        there = server.url(name_in(here), host=other_host.our_address)
        settings = {"HOST_HEARTBEAT": "2", "HOST_GRACE": "0.5", "HOST_ANYONE": "yes"}
        near = {**settings, "HOST_DATABASE": here}
        far = {**settings, "HOST_DATABASE": there}
        address, prefix = other_host.address, other_host.prefix
        webs = [
            WebNode("web-1", folder=tmp_path, settings=near),
            WebNode("web-2", folder=tmp_path, settings=far, address=address, prefix=prefix),
        ]
        workers = [
            WorkerNode("worker-1", folder=tmp_path, settings=near),
            WorkerNode("worker-2", folder=tmp_path, settings=far, prefix=prefix),
        ]
        async with running_cluster(here, tmp_path, webs, workers) as running:
            yield running
    finally:
        server.stop("immediate")


async def test_a_host_that_was_cut_off_catches_up_and_changes_nothing(
    cluster: Cluster, other_host: OtherHost
) -> None:
    near_viewer, far_viewer = cluster.viewers
    near, far = cluster.workers
    near_gate, far_gate = cluster.gate("near"), cluster.gate("far")
    near.send(signal.SIGSTOP)
    in_far = await cluster.hand_in(*[{"type": "GateTask", "gate": str(far_gate)}] * 3)
    for task_id in in_far:
        await near_viewer.sees_running(task_id, 1, far.pid)
    near.send(signal.SIGCONT)
    await cluster.hand_in(*[{"type": "GateTask", "gate": str(near_gate)}] * 5)
    other_host.cut()
    for task_id in in_far:
        await near_viewer.sees_running(task_id, 2, near.pid)
    far_gate.touch()  # they end here; there too, but nobody can be told of it
    near_gate.touch()
    await cluster.hand_in(*[{"type": "StepTask"}] * 5)
    await near_viewer.sees_the_end_of(cluster.accepted)
    ended = {task_id: await cluster.history.task(task_id) for task_id in in_far}
    assert all(task["status"] == "Completed" for task in ended.values())
    assert far_viewer.open_tasks(in_far) == in_far
    other_host.heal()
    await cluster.every_client_sees_the_end()
    await far.has_said("attempt 1 is over, the task was given to another one")
    assert {task_id: await cluster.history.task(task_id) for task_id in in_far} == ended
    # Whoever was cut off takes part as before.
    near.kill()
    await cluster.hand_in(*[{"type": "StepTask"}] * 5, web=1)
    await cluster.every_client_sees_the_end()
    await cluster.check()

"""Two web nodes, two workers, one database."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.distributed.history import History
from tests.acceptance.distributed.node import PATIENCE, Node, WebNode, WorkerNode
from tests.acceptance.distributed.viewer import Viewer, connected

CRASHES = ("Traceback (most recent call last)", "exception was never retrieved")

WORKER_FAILURE = re.compile(
    r"^.* ended as Failed after .*\nTraceback \(most recent call last\):\n(?: .*\n)+\S.*\n",
    re.MULTILINE,
)
"""What the log says of a worker that raised, as some of them are meant to."""


class Cluster:
    """The processes, a client of each web node, and every task that was accepted."""

    def __init__(
        self,
        database: str,
        folder: Path,
        *,
        settings: Mapping[str, str],
        webs: Sequence[WebNode] | None = None,
        workers: Sequence[WorkerNode] | None = None,
    ) -> None:
        self.database = database
        self.folder = folder
        self.history = History(database)
        self.accepted: list[str] = []
        self.viewers: list[Viewer] = []
        settings = {"HOST_HEARTBEAT": "2", "HOST_GRACE": "0.5", **settings}
        settings["HOST_DATABASE"] = database
        self.webs = webs or [
            WebNode(f"web-{number}", folder=folder, settings=settings) for number in (1, 2)
        ]
        self.workers = workers or [
            WorkerNode(f"worker-{number}", folder=folder, settings=settings) for number in (1, 2)
        ]
        self._http = httpx.AsyncClient(timeout=PATIENCE)

    @property
    def nodes(self) -> list[Node]:
        return [*self.webs, *self.workers]

    def worker(self, pid: int | None) -> WorkerNode:
        """The worker process that a snapshot names."""
        return next(worker for worker in self.workers if worker.pid == pid)

    def other(self, worker: WorkerNode) -> WorkerNode:
        return next(item for item in self.workers if item is not worker)

    def gate(self, name: str = "gate") -> Path:
        """A file that tasks may wait for."""
        return self.folder / name

    async def hand_in(self, *tasks: dict[str, Any], web: int = 0) -> list[str]:
        """Have a web node accept tasks; what it refuses, or does not answer to, was none.

        A node may be down, or may not reach its database: then there are no ids.
        """
        try:
            answer = await self._http.post(f"{self.webs[web].url}/tasks", json=tasks)
        except httpx.HTTPError:
            return []
        if answer.status_code == 503:
            return []
        assert answer.status_code == 202, answer.text
        ids: list[str] = answer.json()
        self.accepted += ids
        return ids

    async def every_client_sees_the_end(self, seconds: float = PATIENCE) -> None:
        """Of all that was accepted, as it is stored."""
        for viewer in self.viewers:
            await viewer.sees_the_end_of(self.accepted, seconds)

    async def check(self) -> None:
        """To be called at the end of each test, when everything has ended."""
        await self.history.check_all_ended(self.accepted)
        stored = await self.history.tasks()
        for viewer in self.viewers:
            viewer.check()
            for task_id in self.accepted:
                newest, task = viewer.newest(task_id), stored[task_id]
                assert newest is not None
                shown = newest.task["revision"], newest.task["status"], newest.task["attempt"]
                assert shown == (task["revision"], task["status"], task["attempt"])
        for node in self.nodes:
            log = WORKER_FAILURE.sub("", node.log.read_text(errors="replace"))
            assert not any(sign in log for sign in CRASHES), f"{node.name} said:\n{log[-10000:]}"

    async def start(self) -> None:
        await self.history.begin()
        for node in self.nodes:
            node.start()
        await asyncio.gather(*(node.ready() for node in self.nodes))
        self.viewers = await connected(*self.webs)
        await self.hand_in({"type": "QuickTask"})
        await self.every_client_sees_the_end()
        for viewer in self.viewers:
            await viewer.disconnect()
        # Clients that have had their replay, which can then not cross with what the test does.
        self.viewers = await connected(*self.webs)
        await self.every_client_sees_the_end()
        self.accepted.clear()

    async def stop(self) -> None:
        for viewer in self.viewers:
            await viewer.disconnect()
        await self._http.aclose()
        for node in self.nodes:
            node.kill()


@contextlib.asynccontextmanager
async def running_cluster(
    database: str,
    folder: Path,
    webs: Sequence[WebNode] | None = None,
    workers: Sequence[WorkerNode] | None = None,
    **settings: str,
) -> AsyncIterator[Cluster]:
    """Started, and ended whatever happens. ``settings`` are the host's, see there."""
    cluster = Cluster(database, folder, settings=settings, webs=webs, workers=workers)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()

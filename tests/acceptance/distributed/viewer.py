"""A browser's part: a Socket.IO client that remembers all it was sent."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Protocol

import socketio
from attrs import frozen

from bgtasks.web.protocol import MAX_IDS
from tests.acceptance.distributed.node import PATIENCE, WebNode, until

NAMESPACE = "/background-tasks"
FINAL = frozenset({"Completed", "Failed", "Cancelled"})


@frozen
class Seen:
    """One ``TaskUpdated``: when it came, by which of the viewer's connections."""

    task: dict[str, Any]
    at: float
    connection: int

    @property
    def is_final(self) -> bool:
        return self.task["status"] in FINAL

    @property
    def pid(self) -> int | None:
        """The process that works on it."""
        payload = self.task["payload"]
        return payload["pid"] if payload else None


class Address(Protocol):
    """Where a web node is found, and what it is called here."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...


class Viewer:
    """Connected to one web node; connects again by itself, and then asks for what it may have
    missed, as the JavaScript client does: the replay has only the tasks that ended last."""

    def __init__(self, node: Address) -> None:
        self.node = node
        self.seen: dict[str, list[Seen]] = {}
        self.connections = 0
        self._watched: set[str] = set()
        self._catching_up: asyncio.Task[None] | None = None
        self._client = socketio.AsyncClient(
            reconnection_delay=0.1, reconnection_delay_max=0.5, randomization_factor=0
        )
        self._client.on("connect", self._connected, namespace=NAMESPACE)
        self._client.on("TaskUpdated", self._updated, namespace=NAMESPACE)

    async def connect(self) -> None:
        await self._client.connect(
            self.node.url,
            namespaces=[NAMESPACE],
            socketio_path=f"{NAMESPACE}/socket.io",
            transports=["websocket"],
            wait_timeout=PATIENCE,
        )

    async def disconnect(self) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
        await self._client.shutdown()

    async def ask(self, event: str, task_id: str) -> dict[str, Any]:
        """The acknowledgement of what a client may ask for a task."""
        answer: dict[str, Any] = await self._client.call(
            event, {"id": task_id}, namespace=NAMESPACE, timeout=PATIENCE
        )
        return answer

    def newest(self, task_id: str) -> Seen | None:
        """The snapshot with the highest revision."""
        return max(
            self.seen.get(task_id, ()), key=lambda seen: int(seen.task["revision"]), default=None
        )

    def is_final(self, task_id: str) -> bool:
        newest = self.newest(task_id)
        return newest is not None and newest.is_final

    def open_tasks(self, task_ids: Iterable[str]) -> list[str]:
        """Those that are not final, as far as this client knows."""
        return [task_id for task_id in task_ids if not self.is_final(task_id)]

    async def sees(
        self, task_id: str, condition: Callable[[Seen], bool], seconds: float = PATIENCE
    ) -> Seen:
        """The first snapshot of the task, past or to come, for which ``condition`` holds."""

        def found() -> Seen | None:
            return next(filter(condition, self.seen.get(task_id, ())), None)

        await until(
            lambda: found() is not None,
            lambda: f"{self.node.name} shows it; last: {self.newest(task_id)}",
            seconds,
        )
        seen = found()
        assert seen is not None
        return seen

    async def sees_running(self, task_id: str, attempt: int = 1, pid: int | None = None) -> Seen:
        """A snapshot that names the process; ``pid`` says in which one it is expected. A later
        attempt begins with the payload of the one before, which names another process."""
        return await self.sees(
            task_id,
            lambda seen: (
                seen.task["status"] == "Running"
                and seen.task["attempt"] == attempt
                and (seen.pid is not None if pid is None else seen.pid == pid)
            ),
        )

    async def sees_the_end_of(self, task_ids: Iterable[str], seconds: float = PATIENCE) -> None:
        waiting = list(task_ids)
        self._watched.update(waiting)
        if self.connections > 1:
            await self._catch_up()

        def ended() -> bool:
            waiting[:] = self.open_tasks(waiting)
            return not waiting

        await until(
            ended,
            lambda: (
                f"{self.node.name} shows the end of {len(waiting)} tasks: "
                f"{[(task_id, self.newest(task_id)) for task_id in waiting[:3]]}"
            ),
            seconds,
        )

    def check(self) -> None:
        """What holds for every client: a task ends once, and revisions rise. What is replayed at a
        later connection may cross with what happens just then, and the first replay may repeat what
        has just come; clients drop what is not newer."""
        for task_id, all_seen in self.seen.items():
            for before, after in pairwise(all_seen):
                if before.connection == after.connection == 1:
                    repeated = before.task == after.task
                    rises = before.task["revision"] < after.task["revision"]
                    assert rises or repeated, (before, after)
            ends = {seen.task["revision"] for seen in all_seen if seen.is_final}
            assert len(ends) <= 1, f"{task_id} ended more than once: {all_seen}"

    async def _connected(self) -> None:
        self.connections += 1
        if self.connections > 1:
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Ask for the tasks that are watched and have not ended, as far as is known here, and then
        for everything again. If the connection is lost meanwhile, the next one asks anew."""
        open_ids = self.open_tasks({*self._watched, *self.seen})
        asked: list[dict[str, Any]] = [
            {"ids": open_ids[at : at + MAX_IDS]} for at in range(0, len(open_ids), MAX_IDS)
        ]
        with contextlib.suppress(socketio.exceptions.SocketIOError):
            for argument in [*asked, {}]:
                answer = await self._client.call(
                    "Subscribe", argument, namespace=NAMESPACE, timeout=PATIENCE
                )
                for task in answer.get("tasks", ()):
                    await self._updated(task)

    async def _updated(self, task: dict[str, Any]) -> None:
        seen = Seen(task, time.monotonic(), self.connections)
        self.seen.setdefault(task["id"], []).append(seen)


async def connected(*nodes: WebNode) -> list[Viewer]:
    """A client of each node."""
    viewers = [Viewer(node) for node in nodes]
    await asyncio.gather(*(viewer.connect() for viewer in viewers))
    return viewers

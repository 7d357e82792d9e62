"""Everyone who suffers together: nodes on one database, all tasks, and what has to hold."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from bgtasks import BackgroundTaskBase
from tests.acceptance.chaos.attempts import AttemptLog
from tests.acceptance.chaos.node import Node
from tests.acceptance.chaos.page import Page
from tests.acceptance.chaos.process import WorkerProcess
from tests.acceptance.chaos.proxy import FaultyProxy
from tests.acceptance.distributed.history import History
from tests.acceptance.distributed.node import until

__all__ = ["PATIENCE", "Ward", "ward"]

PATIENCE = 30.0
"""Seconds after the last fault within which everybody must know every end."""


class Ward:
    """``accepted`` are all tasks that a node has taken in."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.history = History(database)
        self.attempts = AttemptLog(folder / "attempts.log")
        self.accepted: list[UUID] = []
        self.nodes: list[Node] = []
        self.pages: list[Page] = []
        self.processes: list[WorkerProcess] = []

    async def add(
        self, name: str = "", *, user: str | None = None, start: bool = True, **settings: Any
    ) -> Node:
        """One more node, which is ``user`` for the server; ``settings`` are its container's."""
        proxy = FaultyProxy(self.database, user)
        await proxy.start()
        node = Node(name or f"node-{len(self.nodes) + 1}", proxy, self.attempts.path, **settings)
        self.nodes.append(node)
        node.watch(self.accepted)
        if start:
            await node.start()
        return node

    async def add_web(self, **settings: Any) -> Node:
        """One that runs nothing."""
        return await self.add(run_tasks=False, **settings)

    async def add_process(self, heartbeat: float = 10) -> WorkerProcess:
        """One more worker, in a process of its own; it may not be ready yet."""
        proxy = FaultyProxy(self.database)
        await proxy.start()
        name, log = f"worker-{len(self.processes) + 1}", self.attempts.path
        process = WorkerProcess(name, proxy, self.folder, log, heartbeat=heartbeat)
        self.processes.append(process)
        process.start()
        return process

    async def add_page(self, node: Node) -> Page:
        """A browser at a node."""
        page = Page(f"the page of {node.name}", node.application.background_tasks)
        await page.open()
        self.pages.append(page)
        return page

    def heal(self) -> None:
        """End everything that is wrong with anybody's way to the server."""
        victims: list[Node | WorkerProcess] = [*self.nodes, *self.processes]
        for victim in victims:
            victim.proxy.heal()

    def gate(self) -> Path:
        """A file that tasks may wait for."""
        return self.folder / "gate"

    async def hand_in(self, node: Node, *tasks: BackgroundTaskBase, **options: Any) -> list[UUID]:
        """Have a node take tasks in; every node waits for their ends from now on."""
        ids = await node.hand_in(*tasks, **options)
        self.accept(ids)
        return ids

    def accept(self, ids: Iterable[UUID]) -> None:
        """These are to end, and everybody is to know."""
        ids = list(ids)
        self.accepted += ids
        for node in self.nodes:
            node.watch(ids)

    async def begun(self, task_ids: Iterable[UUID]) -> None:
        """Wait until worker code of all of these has begun."""
        wanted = {str(task_id) for task_id in task_ids}
        await until(
            lambda: wanted <= {attempt.task for attempt in self.attempts.read()},
            lambda: f"{len(wanted)} tasks begin; {len(self.attempts.read())} attempts have",
        )

    async def have_ended(self, count: int) -> None:
        """Wait until worker code of so many attempts has ended."""
        await until(
            lambda: sum(attempt.ended is not None for attempt in self.attempts.read()) >= count,
            lambda: f"{count} attempts end: {self.attempts.read()}",
        )

    async def stored(self, task_id: UUID) -> Any:
        """The task as it is in the database, with what became of its attempts."""
        return await self.history.task(str(task_id))

    # What has to hold

    async def check(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Nothing lost, settled twice, changed after its end or left behind; every watcher has
        every end. Nothing failed or was counted that did not begin, unless processes died: one
        that is killed right after its claim cannot say any more that it had not begun.

        Gives back the stored tasks.
        """
        everybody = await asyncio.gather(
            *(node.knows_the_end_of(self.accepted, seconds) for node in self.nodes)
        )
        await self.queue_is_empty()
        await self.history.check_all_ended([str(task_id) for task_id in self.accepted])
        stored = await self.history.tasks()
        for page in self.pages:
            await page.sees_every_end(stored, seconds)
        for node, told in zip(self.nodes, everybody, strict=True):
            if node.was_never_stopped:
                await node.sees(self.accepted, ends=1)
            self._check_told(node, told, stored)
        if not any(process.has_died for process in self.processes):
            self._check_attempts(stored)
        return stored

    async def queue_is_empty(self) -> None:
        """Wait for it: a job may go a moment later than its task."""
        deadline = time.monotonic() + PATIENCE
        while left := await self.history.ask("SELECT * FROM bgtasks_pgqueuer LIMIT 3"):
            assert time.monotonic() < deadline, f"jobs are left: {left}"
            await asyncio.sleep(0.05)

    def check_nothing_was_interrupted(self, stored: dict[str, Any]) -> None:
        """Where every worker lives on, and can be seen to: each task ran once at a time, and
        nothing was counted against it."""
        attempts = self.attempts.by_task()
        for task_id, task in stored.items():
            assert task["interruptions"] == 0, f"interrupted: {dict(task)}"
            mine = attempts[task_id]
            for one, next_one in pairwise(mine):
                assert one.ended is not None, f"ran twice at once: {mine}"
                assert one.ended <= next_one.began, f"ran twice at once: {mine}"

    def _check_told(self, node: Node, told: dict[UUID, Any], stored: dict[str, Any]) -> None:
        for task_id, info in told.items():
            task = stored[str(task_id)]
            assert (info.revision, info.status) == (task["revision"], task["status"]), node.name
            ends = {item.revision for item in node.ends(task_id)}
            assert len(ends) <= 1, f"{node.name}: {task_id} ended more than once: {ends}"

    def _check_attempts(self, stored: dict[str, Any]) -> None:
        attempts = self.attempts.by_task()
        for task_id, task in stored.items():
            begun = len(attempts[task_id])
            # One that was cancelled between its claim and its worker's first line has not begun.
            counted = sum(kind != "cancelled" for kind in task["kinds"] or ())
            assert counted <= begun, f"{begun} have begun: {dict(task)}"
            if task["status"] in ("Completed", "Failed"):
                assert begun, f"never begun: {dict(task)}"


@asynccontextmanager
async def ward(database: str, folder: Path) -> AsyncIterator[Ward]:
    """With the history of the database begun; all nodes are closed at the end."""
    made = Ward(database, folder)
    await made.history.begin()
    try:
        yield made
    finally:
        await asyncio.gather(*(page.close() for page in made.pages))
        await asyncio.gather(*(node.close() for node in made.nodes))
        for process in made.processes:
            process.kill()
            await process.proxy.stop()
        made.attempts.close()

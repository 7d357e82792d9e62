"""A host application for the dashboard, in a thread of its own; its workers do as they are told."""

import asyncio
import json
import socket
import sqlite3
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import uvicorn
from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskPolicy,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Requester,
    Retry,
    background_task,
)

T = TypeVar("T")
MOUNT = "/background-tasks"
PATIENCE = 20.0


@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    name: str = "Copy movie.mkv"

    @property
    def display_name(self) -> str:
        return self.name


@frozen(kw_only=True)
class ScanTask(CopyTask):
    """Another type; it is tried twice."""


class Policy(BackgroundTaskPolicy):
    """The default, with exceptions that a test names."""

    def __init__(self) -> None:
        self.is_open = True
        self.shows_statistics = True
        self.forbidden: set[UUID] = set()

    async def can_connect(self, requester: Requester) -> bool:
        return self.is_open and await super().can_connect(requester)

    async def can_see_statistics(self, requester: Requester) -> bool:
        return self.shows_statistics and await super().can_see_statistics(requester)

    async def can_cancel(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        return task.id not in self.forbidden

    async def can_retry(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        return task.id not in self.forbidden


class Orders:
    """What the worker of each task is to do next."""

    def __init__(self) -> None:
        self.of: dict[UUID, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)


class ObedientWorker(BackgroundWorker[CopyTask, Any]):
    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def execute(self, context: BackgroundWorkerContext[CopyTask, Any]) -> None:
        while True:
            order = await self._orders.of[context.task.id].get()
            if order is None:
                return
            if isinstance(order, Exception):
                raise order
            if isinstance(order, str):
                context.log(order)
                continue
            if callable(order):
                order()
                continue
            progress, message, payload = order
            context.report_progress(progress, message, payload=payload)


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    orders = providers.Singleton(Orders)
    policy = providers.Singleton(Policy)
    worker = providers.Factory(ObedientWorker, orders)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        policy=policy,
        tasks=providers.List(
            background_task(CopyTask, worker, max_concurrency=50),
            background_task(ScanTask, worker, retry=Retry(max_attempts=2, backoff=0.01, jitter=0)),
        ),
    )


class DashboardHost:
    """The running application. ``stop`` and ``start`` are a restart: same port, same file.
    ``access`` is a policy instead of :class:`Policy`.
    """

    application: Any = Application

    def __init__(
        self,
        database: Path,
        prefix: str = "",
        *,
        access: BackgroundTaskPolicy | None = None,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        self.database = database
        self.prefix = prefix
        self._access = access
        self._middleware = middleware
        self.port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}{MOUNT}/"

    def start(self, *, is_open: bool = True) -> None:
        self.container = self.application()
        if self._access is not None:
            self.container.policy.override(providers.Object(self._access))
        else:
            self.policy.is_open = is_open
        self.container.config.from_dict(
            {
                "background_tasks": {
                    "database": str(self.database),
                    "stop_grace": 0,
                    "retention": None,
                }
            }
        )
        mount = Mount(MOUNT, app=self.container.background_tasks.asgi_app())
        app = Starlette(
            routes=[Mount(self.prefix, routes=[mount]) if self.prefix else mount],
            middleware=self._middleware,
            lifespan=self._lifespan,
        )
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._ready = threading.Event()
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=3)
        )
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the host did not start"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the host did not stop"

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self.container.background_tasks.lifespan()(app):
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            yield

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it in the host's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    @property
    def policy(self) -> Policy:
        policy: Policy = self.container.policy()
        return policy

    def submit(
        self, name: str = "Copy movie.mkv", kind: type[CopyTask] = CopyTask, **how: Any
    ) -> UUID:
        manager = self.container.background_tasks.manager()
        task_id: UUID = self.call(manager.run_task(kind(name=name), **how))
        return task_id

    def tell(self, task_id: UUID, order: Any) -> None:
        """A ``(progress, message, payload)`` is reported, a text logged, an exception raised, what
        can be called is; with ``None`` it ends."""

        async def put() -> None:
            self.container.orders().of[task_id].put_nowait(order)

        self.call(put())

    def wait_for(self, task_id: UUID) -> BackgroundTaskInfo[Any]:
        return self.call(
            self.container.background_tasks.manager().wait_for(task_id, timeout=PATIENCE)
        )

    def finish(self, name: str, **how: Any) -> UUID:
        task_id = self.submit(name, **how)
        self.tell(task_id, None)
        self.wait_for(task_id)
        return task_id

    def fail(self, name: str, why: str = "the disk is full", **how: Any) -> UUID:
        task_id = self.submit(name, **how)
        for _ in range(2):
            self.tell(task_id, OSError(why))
        self.wait_for(task_id)
        return task_id


def fill(database: Path, count: int, **fields: Any) -> None:
    """Write ``count`` tasks that have ended into the file of a stopped host, a second apart."""
    newest = datetime.now(UTC) - timedelta(minutes=1)
    connection = sqlite3.connect(database)
    names = (
        "id, type, name, data, owner, priority, status, progress, payload, status_message,"
        "error_message, created_at, changed_at, started_at, completed_at, scheduled_at, due_at,"
        "revision, attempt, failures, interruptions, cancel_requested"
    )

    def row(index: int) -> tuple[Any, ...]:
        micros = int((newest - timedelta(seconds=count - index)).timestamp() * 1_000_000)
        values: dict[str, Any] = {
            "id": UUID(int=(micros // 1000 << 80) | (7 << 76) | (2 << 62) | index).bytes,
            "type": "CopyTask",
            "name": f"Stored {index}",
            "data": json.dumps({"name": f"Stored {index}"}),
            "owner": None,
            "priority": 0,
            "status": "Completed",
            "progress": 100.0,
            "created_at": micros,
            "changed_at": micros,
            "started_at": micros + 100_000,
            "completed_at": micros + 900_000,
            "revision": 3,
            "attempt": 1,
            "failures": 0,
            "interruptions": 0,
            "cancel_requested": 0,
            **fields,
        }
        return tuple(values.get(name.strip()) for name in names.split(","))

    marks = ",".join("?" * len(names.split(",")))
    with connection:
        connection.executemany(
            f"INSERT INTO tasks ({names}) VALUES ({marks})", map(row, range(1, count + 1))
        )
    connection.close()

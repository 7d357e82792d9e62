"""A hand-written manager, and an application with clients, on each way to send them updates."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import attrs
import httpx
import pytest
from engineio.async_socket import AsyncSocket
from starlette.applications import Starlette
from starlette.routing import Mount

from bgtasks.core.codec import TaskCodec
from bgtasks.core.conflicts import key_is_held
from bgtasks.core.facets import checked_facet
from bgtasks.core.history import window_of
from bgtasks.core.limits import Rate
from bgtasks.core.query import BackgroundTaskPage
from bgtasks.core.record import SMALL_PAYLOAD
from bgtasks.core.task_details import TaskDetails
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.task_log import LogLine, TaskLog
from bgtasks.core.task_types import TypeInfo, checked_reason
from bgtasks.errors import (
    ManagerStateError,
    QueryError,
    ScheduleNotFoundError,
    TaskNotFoundError,
    TaskStateError,
    UnregisteredTaskError,
)
from bgtasks.models import (
    Attention,
    BackgroundTaskInfo,
    BackgroundTaskStatus,
    FailureFacet,
    FailureGroup,
    Health,
    History,
    HistoryPoint,
    OldestWaiting,
    Percentiles,
    ProcessCounts,
    ProcessInfo,
    ScheduleInfo,
    Stats,
)
from bgtasks.observing.subscribers import Subscribers
from bgtasks.observing.updates import TaskUpdatedEvent
from bgtasks.settings import Settings
from bgtasks.testing.clock import FakeClock
from bgtasks.web.app import create_app
from bgtasks.web.encoded_task import without
from bgtasks.web.hub import Hub
from bgtasks.web.hub.audience import Audience
from bgtasks.web.hub.hub_run import HubRun
from bgtasks.web.lifespan import Lifespan
from bgtasks.web.policy import BackgroundTaskPolicy
from tests.web.raw_socket import PATIENCE
from tests.web.ways import changed_send, socket_on

START = datetime(2026, 1, 1, tzinfo=UTC)


def _listed(info: Any) -> Any:
    """As a list has it."""
    is_large = isinstance(info.payload, str) and len(info.payload) + 2 > SMALL_PAYLOAD
    return without(info, ["payload"]) if is_large else info


class FakeManager:
    """The manager's interface over a dict; ``publish`` is what a worker's report would do."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.now: Any = lambda: START
        self.backend_kind = "sqlite"
        self.waiting = 3
        self.task_updated = TaskUpdatedEvent()
        self.type_updated = Subscribers[TypeInfo](lambda info: info.name)
        self.schedule_updated = Subscribers[Any](str)
        self.log_updated = Subscribers[Any](str)
        self.logs: dict[UUID, list[LogLine]] = {}
        self.schedules: dict[str, ScheduleInfo] = {}
        copy = TypeInfo(
            "Copy",
            None,
            None,
            2,
            1,
            4,
            Rate(14, per=1),
            processes=2,
            oldest_waiting_since=START,
            per_minute=1.5,
            failure_rate=0.25,
            wait_ms=Percentiles(1.5, 2.5, 3.5),
        )
        self.types = {"Copy": copy}
        self.tasks: dict[UUID, BackgroundTaskInfo[Any]] = {}
        self.failures: dict[UUID, Any] = {}
        self.arguments: dict[UUID, Any] = {}
        self.sample_task = UUID(int=1)
        self.attempts: dict[UUID, Any] = {}
        self.key_holders: dict[UUID, UUID] = {}
        self.started = False
        self.services: list[Any] = []
        self.calls: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.looked_at = 10_000
        self.fail: Exception | None = None
        self.may_read = asyncio.Event()
        self.may_read.set()

    def accompany(self, service: Any) -> None:
        self.services.append(service)

    def hurry(self) -> None:
        self.calls.append("manager.hurry")

    async def __aenter__(self) -> Any:
        self.calls.append("manager.start")
        self.started = True
        for service in self.services:
            service.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for service in self.services:
            await service.stop()
        self.calls.append("manager.stop")
        self.started = False

    def add(self, type: Any = "Copy", status: Any = "Running", **fields: Any) -> Any:  # noqa: A002
        status = BackgroundTaskStatus(status)
        created = fields.pop("created_at", START + timedelta(seconds=len(self.tasks)))
        info: BackgroundTaskInfo[Any] = BackgroundTaskInfo(
            id=uuid4(),
            type=type,
            name=type,
            payload=None,
            status=status,
            progress=0.0,
            status_message=None,
            error_message=None,
            created_at=created,
            started_at=None,
            completed_at=START if status.is_final else None,
            revision=1,
            attempt=0,
            cancel_requested=False,
            scheduled_at=None,
            owner=None,
        )
        info = attrs.evolve(info, **fields)
        self.tasks[info.id] = info
        return info

    def change(self, info: Any, **fields: Any) -> Any:
        """Change a task without telling anybody."""
        old = self.tasks[info.id]
        self.tasks[info.id] = attrs.evolve(old, revision=old.revision + 1, **fields)
        return self.tasks[info.id]

    def publish(self, info: Any, **fields: Any) -> Any:
        info = self.change(info, **fields) if fields else info
        self.task_updated.publish(info)
        return info

    def finish(self, info: Any, status: Any = "Completed", at: Any = START) -> Any:
        return self.publish(info, status=BackgroundTaskStatus(status), completed_at=at)

    async def get_stats(self) -> Stats:
        await self._reading()
        self.calls.append("manager.get_stats")
        paused = Attention(
            kind="paused",
            text="Copy is paused",
            type="Copy",
            since=START,
            filter={"type": "Copy", "status": "Pending"},
        )
        return Stats(
            as_of=START,
            waiting=self.waiting,
            scheduled=2,
            retrying=1,
            running=4,
            cancelling=1,
            completed=9,
            failed=8,
            cancelled=7,
            oldest_waiting=OldestWaiting(UUID(int=1), "Copy", START),
            next_scheduled_at=None,
            places=100,
            processes=ProcessCounts(1, 0),
            attention=(paused,),
        )

    async def get_failures(self, from_: Any, to: Any, *, type: Any) -> Any:  # noqa: A002
        await self._reading()
        hours = None if from_ is None else (to - from_) / timedelta(hours=1)
        self.asked.append({"hours": hours, "type": type})
        return [
            FailureGroup(
                group="0123456789abcdef",
                error_type="OSError",
                sample="no space",
                frame="app/copy.py in copy",
                still_failed=3,
                recovered=2,
                retrying=1,
                first_at=START,
                last_at=START,
                types=("Copy",),
                sample_task=self.sample_task,
            )
        ]

    async def get_failure_facets(
        self,
        group: str,
        by: str,
        from_: Any,
        to: Any,
        *,
        type: Any,  # noqa: A002
    ) -> Any:
        await self._reading()
        hours = None if from_ is None else (to - from_) / timedelta(hours=1)
        self.asked.append({"group": group, "by": checked_facet(by), "hours": hours, "type": type})
        return [
            FailureFacet(value="/mnt/a", failed=61, total=64),
            FailureFacet(value=7, failed=1, total=None),
        ]

    async def get_history(self, from_: Any, to: Any, *, type: Any, step: Any) -> History:  # noqa: A002
        await self._reading()
        window = window_of(from_, to, step, START)
        self.asked.append({"type": type, "step": window.step, "points": window.points})
        times = Percentiles(1.5, 2.5, 3.5)
        known = HistoryPoint(
            at=START,
            submitted=9,
            started=8,
            completed=7,
            failed=1,
            cancelled=0,
            retried=2,
            waiting=4,
            running=3,
            wait_ms=times,
        )
        return History(60, START, (HistoryPoint(at=START), known))

    async def get_processes(self) -> list[ProcessInfo]:
        await self._reading()
        process = ProcessInfo(
            id=UUID(int=2),
            host="one",
            pid=7,
            runs_tasks=True,
            types=("Copy",),
            running=4,
            max_concurrency=100,
            started_at=START,
            seen_at=START,
            alive=True,
            release="1.2.3",
            loop_lag_ms=1.5,
            rss_bytes=1024,
            tasks=(UUID(int=1),),
        )
        return [process]

    async def get_schedules(self, *, after: str = "", limit: int | None = None) -> Any:
        await self._reading()
        return [info for name, info in sorted(self.schedules.items()) if name > after][:limit]

    async def find_schedules(self, names: Any) -> Any:
        return [info for info in await self.get_schedules() if info.name in names]

    async def get_schedule(self, name: str) -> Any:
        await self._reading()
        if name not in self.schedules:
            raise ScheduleNotFoundError(f"there is no schedule named {name!r}")
        return self.schedules[name]

    async def run_schedule(self, name: str) -> None:
        self.change_schedule(await self.get_schedule(name), last_task=uuid4())

    async def pause_schedule(self, name: str) -> Any:
        return self.change_schedule(await self.get_schedule(name), paused=True, paused_at=START)

    async def resume_schedule(self, name: str) -> Any:
        return self.change_schedule(await self.get_schedule(name), paused=False, paused_at=None)

    def change_schedule(self, info: ScheduleInfo, **fields: Any) -> Any:
        self.schedules[info.name] = attrs.evolve(info, **fields)
        self.schedule_updated.tell([info.name])
        return self.schedules[info.name]

    async def _reading(self) -> None:
        if self.fail is not None:
            raise self.fail
        if not self.started:
            raise ManagerStateError("not started")
        await self.may_read.wait()

    async def get_tasks(
        self,
        filter: Any = None,  # noqa: A002
        *,
        limit: Any = 50,
        cursor: Any = None,
        sort: Any = "-created",
    ) -> Any:
        wanted = filter or TaskFilter()
        self.asked.append({"owner": wanted.owner, "limit": limit})
        await self._reading()
        if cursor is not None and not cursor.isdigit():
            raise QueryError(f"cursor is {cursor!r}; accepted: a next_cursor of an earlier page")
        query = wanted.query(1)
        types, statuses, owners = query.types, query.statuses, query.owners
        before = len(self.tasks) if cursor is None else int(cursor)
        found = [
            info
            for info in reversed(list(self.tasks.values())[:before])
            if (not types or info.type in types)
            and (not statuses or info.status in statuses)
            and (owners is None or info.owner in owners)
        ]
        if wanted.q is not None:
            return self._searched(wanted.q, found, before)
        items = tuple(map(_listed, found[:limit]))
        more = await self.cursor_after(items[-1].id) if len(found) > limit else None
        return BackgroundTaskPage(items, more)

    def _searched(self, word: str, found: list[Any], before: int) -> BackgroundTaskPage:
        """A search that ends early, after ``looked_at`` tasks."""
        looked_at = found[: self.looked_at]
        items = tuple(_listed(info) for info in looked_at if word in info.name)
        if len(looked_at) == len(found):
            return BackgroundTaskPage(items, None)
        last = looked_at[-1]
        place = str(list(self.tasks).index(last.id))
        return BackgroundTaskPage(items, place, True, last.created_at, last.id)

    async def count_tasks(self, filter: Any = None) -> Any:  # noqa: A002
        found = await self.get_tasks(filter, limit=10_000)
        counts = dict.fromkeys(filter.query(1).statuses or BackgroundTaskStatus, 0)
        for info in found:
            counts[info.status] += 1
        return counts

    async def count_types(self, filter: Any = None) -> Any:  # noqa: A002
        return dict(
            Counter(info.type for info in (await self.get_tasks(filter, limit=10**6)).items)
        )

    async def count_owners(self, filter: Any = None) -> Any:  # noqa: A002
        found = await self.get_tasks(filter, limit=10**6)
        return dict(Counter(info.owner for info in found.items).most_common())

    async def run_again(self, task_id: Any, arguments: Any = None) -> Any:
        old = await self.try_get_task(task_id)
        self.arguments[task_id] = self.arguments.get(task_id, {}) | (arguments or {})
        if task_id in self.key_holders:
            return self.key_holders[task_id]
        return self.publish(self.add(old.type, "Pending", owner=old.owner)).id

    async def delete_task(self, task_id: Any) -> None:
        await self._reading()
        if task_id not in self.tasks:
            raise TaskNotFoundError(f"there is no task with id {task_id}")
        if not self.tasks[task_id].status.is_final:
            raise TaskStateError(f"task {task_id} is Running and cannot be deleted")
        del self.tasks[task_id]

    async def try_get_task(self, task_id: Any) -> Any:
        await self._reading()
        return self.tasks.get(task_id)

    async def try_get_details(self, task_id: Any) -> Any:
        await self._reading()
        if task_id not in self.tasks:
            return None
        return TaskDetails(
            arguments_json=json.dumps(self.arguments.get(task_id, {})),
            priority=0,
            changed_at=START,
            max_attempts=1,
            timeout=None,
        )

    async def find_tasks(self, task_ids: Any) -> Any:
        await self._reading()
        return [_listed(self.tasks[item]) for item in task_ids if item in self.tasks]

    async def cursor_after(self, task_id: Any, sort: Any = "-created") -> Any:
        await self._reading()
        return str(list(self.tasks).index(task_id)) if task_id in self.tasks else None

    def health(self) -> Health:
        return Health(trouble=self.trouble)

    async def get_attempts(self, task_id: Any) -> Any:
        await self._reading()
        return self.attempts.get(task_id, ())

    def log(self, info: Any, *messages: str, logger: str | None = None) -> None:
        """Add lines to the log of a task: of the task itself, or of a logger."""
        lines = self.logs.setdefault(info.id, [])
        source: Any = "task" if logger is None else "logging"
        for message in messages:
            lines.append(LogLine(len(lines) + 1, START, "info", message, source, logger))
        self.log_updated.tell([info.id])

    async def get_logs(self, task_id: Any, after: int = 0, *, source: Any = None) -> TaskLog:
        self.asked.append({"after": after, "source": source})
        await self._reading()
        found = [line for line in self.logs.get(task_id, ()) if line.number > after][:1_000]
        last = found[-1].number if found else len(self.logs.get(task_id, ()))
        return TaskLog([line for line in found if source in (None, line.source)], 1, last)

    async def request_cancel(self, task_id: Any) -> Any:
        await self._reading()
        info = self.tasks.get(task_id)
        if info is None or info.status.is_final:
            return None
        self.publish(info, cancel_requested=True)
        return _listed(self.tasks[task_id])

    async def request_retry(self, task_id: Any) -> Any:
        await self._reading()
        info = self.tasks.get(task_id)
        if info is None or info.status not in ("Failed", "Cancelled"):
            return None
        if task_id in self.key_holders:
            raise key_is_held(task_id, self.key_holders[task_id])
        self.publish(info, status=BackgroundTaskStatus.PENDING, completed_at=None)
        return _listed(self.tasks[task_id])

    async def get_types(self) -> Any:
        await self._reading()
        return list(self.types.values())

    async def pause(self, type_name: Any, reason: Any = None) -> Any:
        return self._pause(type_name, START, checked_reason(reason))

    async def resume(self, type_name: Any) -> Any:
        return self._pause(type_name, None, None)

    def _pause(self, name: Any, paused_at: Any, reason: Any) -> Any:
        if name not in self.types:
            raise UnregisteredTaskError(f"there is no task type {name!r}")
        info = attrs.evolve(self.types[name], paused_at=paused_at, pause_reason=reason)
        self.types[name] = info
        self.type_updated.tell(info)
        return info


class World:
    """An application with a hub, and clients for it."""

    def __init__(self, manager: Any, clock: Any) -> None:
        self.manager = manager
        self.clock = clock
        manager.now = clock.now
        self.policy = BackgroundTaskPolicy()
        self.settings = Settings()
        self.codec = TaskCodec()
        self.way = "at_once"
        self.max_clients = 100
        self.max_strangers = 256
        self.patience = PATIENCE
        self.wrap: Any = lambda app: app
        self._stack = AsyncExitStack()

    async def start(self) -> Any:
        self.hub = Hub(
            self.manager,
            self.policy,
            self.settings,
            self.codec,
            self.clock,
            self.max_clients,
            self.max_strangers,
        )
        lifespan = self.lifespan = Lifespan(self.manager)
        self.app = create_app(
            self.manager, self.hub, self.policy, self.settings, self.codec, lifespan, registry=()
        )
        self.host = self.wrap(Starlette(routes=[Mount("/background-tasks", app=self.app)]))
        await self._stack.enter_async_context(lifespan(self.host))
        return self

    async def stop(self) -> None:
        await self._stack.aclose()

    def http(
        self, client: Any = ("127.0.0.1", 5000), base: Any = "http://localhost", **options: Any
    ) -> Any:
        transport = httpx.ASGITransport(self.host, client=client)
        return httpx.AsyncClient(
            transport=transport, base_url=base + "/background-tasks", **options
        )

    def raw(
        self,
        query: Any = "EIO=4&transport=websocket",
        headers: Any = (),
        client: Any = ("127.0.0.1", 5000),
        scheme: Any = "ws",
        host: Any = "localhost",
        path: Any = "/background-tasks/socket.io/",
        kept: Any = True,
        **extra: Any,
    ) -> Any:
        """A socket that is not open yet; unless ``kept``, the test has to close it."""
        headers = [("host", host), *headers]
        socket = socket_on(self.way, self.host, path, query, headers, client, scheme, extra)
        socket.patience = self.patience
        if kept:
            self._stack.push_async_callback(socket.close)
        return socket

    async def socket(self, **options: Any) -> Any:
        socket = self.raw(**options)
        assert await socket.open()
        return socket

    async def joined(self, auth: Any = None, **options: Any) -> Any:
        """A client in the namespace whose replay has been sent."""
        socket = await self.socket(**options)
        assert (await socket.join(auth)).startswith("40")
        await self.settled()
        return socket

    async def settled(self) -> None:
        """Let everything go on that waits for nothing but the event loop."""
        for _ in range(100):
            await asyncio.sleep(0)

    @property
    def run(self) -> HubRun:
        assert self.hub.running is not None
        return self.hub.running

    @property
    def audience(self) -> Audience:
        return self.run.audience

    @property
    def server(self) -> Any:
        return self.run.sockets.server


class UserHeader:
    """Stands in for an authentication middleware: the header names the user."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            name = dict(scope["headers"]).get(b"x-user", b"").decode()
            user = SimpleNamespace(is_authenticated=bool(name), identity=name)
            scope = {**scope, "user": user}
        await self.app(scope, receive, send)


@pytest.fixture
def clock() -> Any:
    return FakeClock(START)


@pytest.fixture
def manager() -> Any:
    return FakeManager()


@pytest.fixture
def way(request: Any) -> Any:
    """How updates are sent; ``@pytest.mark.parametrize("way", WAYS, indirect=True)`` for all."""
    return getattr(request, "param", "at_once")


@pytest.fixture
async def make_world(manager: Any, clock: Any, way: Any, monkeypatch: Any) -> Any:
    """Start an application; keyword arguments set attributes of the World before."""
    worlds = []
    if way == "emit":
        monkeypatch.setattr(AsyncSocket, "send", changed_send)

    async def make(**attributes: Any) -> Any:
        world = World(manager, clock)
        world.way = way
        for name, value in attributes.items():
            setattr(world, name, value)
        worlds.append(world)
        return await world.start()

    yield make
    for world in worlds:
        await world.stop()


@pytest.fixture
async def world(make_world: Any) -> Any:
    return await make_world()


@pytest.fixture
def user_header() -> Any:
    return UserHeader

"""Nobody learns anything of the tasks that the policy hides: no number, no order, no answer to a
search changes with them. The true manager, on a store in memory, is asked at every door."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from attrs import frozen
from dependency_injector import providers
from starlette.applications import Starlette
from starlette.routing import Mount

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskManager,
    BackgroundTaskPolicy,
    BackgroundTasksContainer,
    Every,
    Requester,
    background_task,
    schedule,
)
from bgtasks.testing import FakeClock
from tests.hosts.scripted import PATIENCE, Context, clock_of, running, worker_of
from tests.web.ways import socket_on

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)

HIDDEN = "kreuzberg"
"""Stands in every text of a task that only Bob and the admin may see."""


@frozen(kw_only=True)
class Copy(BackgroundTaskBase):
    """A task that shows its share wherever a task shows anything."""

    share: str
    fails: bool = False
    shows_it: bool = True

    @property
    def display_name(self) -> str:
        return f"Copy {self.share}" if self.shows_it else "Copy"


async def copy(context: Context) -> None:
    share = context.task.share
    context.report_progress(50, f"copies {share}", payload={"from": share})
    context.log(f"share {share}")
    if context.task.fails:
        raise OSError(f"no {share}")


class Owned(BackgroundTaskPolicy):
    """By owner; the admin sees and controls everything."""

    async def visible_owners(self, requester: Requester) -> frozenset[str | None] | None:
        return None if is_admin(requester) else frozenset({requester.identity})

    async def can_view_errors(self, requester: Requester, task: Any) -> bool:
        return is_admin(requester)

    async def can_see_arguments(self, requester: Requester) -> bool:
        return is_admin(requester)

    async def can_see_statistics(self, requester: Requester) -> bool:
        return is_admin(requester)

    async def can_control(self, requester: Requester) -> bool:
        return is_admin(requester)


class Predicate(BackgroundTaskPolicy):
    """Decides of each task by itself, and says nothing else."""

    async def can_view(self, requester: Requester, task: Any) -> bool:
        return is_admin(requester) or task.owner == requester.identity


class PredicateWithArguments(Predicate):
    """The same, where people may see the arguments of their tasks."""

    async def can_see_arguments(self, requester: Requester) -> bool:
        return True


def is_admin(requester: Requester) -> bool:
    return requester.identity == "admin"


POLICIES = [Owned, Predicate, PredicateWithArguments]


class Host:
    """An application with Ada's tasks, in which Bob's may come and go."""

    def __init__(self, container: Any, manager: BackgroundTaskManager) -> None:
        self.manager = manager
        self.clock = clock_of(container)
        self.api = container.asgi_app()
        self.inner = Starlette(routes=[Mount("/tasks", app=self.api)])

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Behind an authentication middleware: the header names the user."""
        name = dict(scope["headers"]).get(b"x-user", b"").decode()
        user = SimpleNamespace(is_authenticated=bool(name), identity=name)
        await self.inner({**scope, "user": user}, receive, send)

    async def end(self, owner: str, share: str, **fields: Any) -> UUID:
        task_id = await self.manager.run_task(Copy(share=share, **fields), owner=owner)
        await self.manager.wait_for(task_id, PATIENCE)
        return task_id

    async def add_tasks(self, owner: str, share: str) -> list[UUID]:
        """One of each kind."""
        waiting = await self.manager.run_task(Copy(share=share), owner=owner, delay=3600)
        ended = [await self.end(owner, share, fails=fails) for fails in (False, True)]
        return [waiting, *ended]

    def http(self, user: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 5000))
        headers = {"x-user": user} if user else {}
        return httpx.AsyncClient(
            transport=transport, base_url="http://localhost/tasks", headers=headers
        )

    @asynccontextmanager
    async def socket(self, user: str) -> AsyncIterator[Any]:
        socket = socket_on(
            "at_once",
            self.app,
            "/tasks/socket.io/",
            "EIO=4&transport=websocket",
            [("host", "localhost"), ("x-user", user)],
            ("127.0.0.1", 5000),
            "ws",
            {},
        )
        assert await socket.open()
        assert (await socket.join()).startswith("40")
        try:
            yield socket
        finally:
            await socket.close()


@asynccontextmanager
async def host_with(policy: type[BackgroundTaskPolicy]) -> AsyncIterator[Host]:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Copy, worker_of(copy))),
        schedules=providers.List(
            schedule("hourly", Every(hours=1), providers.Factory(Copy, share=HIDDEN))
        ),
        policy=providers.Object(policy()),
    )
    container.config.from_dict({"database": ":memory:", "run_schedules": False})
    container.clock.override(FakeClock(START))
    async with running(container) as manager:
        yield Host(container, manager)


FILTERS = [
    "",
    f"q={HIDDEN}",
    "q=copy",
    "q=spandau",
    f"args.share={HIDDEN}",
    "error=GROUP",
    "view=scheduled",
    "status=Failed&type=Copy",
    "owner=bob",
    "owner=bob&owner=ada",
    "created=2020-01-01T00:00:00Z..",
    "ended=2020-01-01T00:00:00Z..&started=2020-01-01T00:00:00Z..",
]
LISTS = [
    *(f"sort={'-' * down}{time}" for time in ("created", "started", "ended") for down in (0, 1)),
    "include=payload,arguments",
    "include=payload&limit=1",
    "count=true",
]

AGGREGATES = {
    "GET /api/tasks": [
        *(f"{one}&limit=2" for one in FILTERS),
        *LISTS,
        *(f"{one}&{more}" for one in FILTERS[1:4] for more in LISTS),
    ],
    "GET /api/tasks/counts": FILTERS,
    "POST /api/tasks/bulk": [
        f"{one}#{action}" for one in FILTERS for action in ("cancel", "retry", "delete")
    ],
    "GET /api/stats": [""],
    "GET /api/stats/history": ["", "type=Copy"],
    "GET /api/types": [""],
    "GET /api/processes": [""],
    "GET /api/schedules": [""],
    "GET /api/failures": ["", "type=Copy"],
    "GET /api/failures/{group}/facets": ["by=owner", "by=process", "by=args.share"],
}
"""Doors that say something of several tasks at once, and what is asked at each."""

OF_ONE_TASK = {
    "GET /api/tasks/{id}",
    "GET /api/tasks/{id}/attempts",
    "GET /api/tasks/{id}/logs",
    "GET /api/tasks/{id}/permissions",
    "DELETE /api/tasks/{id}",
    "POST /api/tasks/{id}/retry",
    "POST /api/tasks/{id}/run-again",
    "POST /api/tasks/{id}/delete",
}
"""What one may not see does not exist at these doors."""

CONTROLLED = {
    "POST /api/types/{type}/pause",
    "POST /api/types/{type}/resume",
    "POST /api/schedules/{name}/run",
    "POST /api/schedules/{name}/pause",
    "POST /api/schedules/{name}/resume",
}
"""For those who control what is everybody's."""

ABOUT_NO_TASK = {
    "GET /api/me",
    "GET /api/health",
    "GET /api/openapi.json",
    "GET /api/tasks/bulk/{id}",  # one's own job
    "DELETE /api/tasks/bulk/{id}",
    "GET /api/tasks/events",  # the hub's, with its audience: tests/web/test_events.py
}


async def ask(http: httpx.AsyncClient, door: str, query: str, group: str) -> Any:
    """The answer at an aggregate door: its status and its text."""
    method, path = door.split()
    path, query = path.replace("{group}", group), query.replace("GROUP", group)
    if method == "GET":
        answer = await http.get(f"{path}?{query}")
    else:
        wanted, _, action = query.partition("#")
        filters: dict[str, list[str]] = {}
        for name, _, value in (pair.partition("=") for pair in wanted.split("&") if pair):
            filters.setdefault(name, []).append(value)
        body = {"action": action, "filter": filters}
        answer = await http.post(f"{path}?dryRun=true", json=body)
    return answer.status_code, answer.text


async def ask_everything(host: Host, user: str, group: str) -> dict[str, Any]:
    async with host.http(user) as http:
        return {
            f"{door}?{query}": await ask(http, door, query, group)
            for door, queries in AGGREGATES.items()
            for query in queries
        }


async def group_of_bob(host: Host) -> str:
    """The key of how Bob's tasks fail, of which then nothing is left."""
    task_id = await host.end("bob", HIDDEN, fails=True)
    group = (await host.manager.get_attempts(task_id))[0].group
    await host.manager.delete_task(task_id)
    assert group is not None
    return group


def test_of_each_route_it_is_decided_what_it_may_tell() -> None:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Copy, worker_of(copy)))
    )
    container.config.from_dict({"database": ":memory:"})
    paths = container.asgi_app().openapi("/tasks")["paths"]
    routes = {f"{method.upper()} {path}" for path, found in paths.items() for method in found}
    assert routes == {*AGGREGATES, *OF_ONE_TASK, *CONTROLLED, *ABOUT_NO_TASK}


@pytest.mark.parametrize("policy", POLICIES)
async def test_no_answer_about_many_tasks_changes_with_what_is_hidden(
    policy: type[BackgroundTaskPolicy],
) -> None:
    async with host_with(policy) as host:
        await host.add_tasks("ada", "charlottenburg")
        group = await group_of_bob(host)
        users = ("ada", "eve", "")
        before = {user: await ask_everything(host, user, group) for user in users}
        await host.add_tasks("bob", HIDDEN)
        for user in users:
            after = await ask_everything(host, user, group)
            assert after == before[user]
            assert not any(HIDDEN in text for status, text in after.values() if status == 200)
        assert {status for status, _ in before[""].values()} == {403}


async def test_the_admin_is_told_of_everything_at_each_of_these_doors() -> None:
    """Or there would be nothing that the others are not told."""
    async with host_with(Owned) as host:
        await host.add_tasks("ada", "charlottenburg")
        group = await group_of_bob(host)
        before = await ask_everything(host, "admin", group)
        await host.add_tasks("bob", HIDDEN)
        after = await ask_everything(host, "admin", group)
        assert {status for status, _ in after.values()} == {200}
        changed = {item.partition("?")[0] for item in before if before[item] != after[item]}
        assert {*AGGREGATES} - changed <= {"GET /api/processes", "GET /api/schedules"}


async def test_numbers_of_everybody_are_refused_and_not_guessed() -> None:
    async with host_with(Predicate) as host:
        await host.add_tasks("ada", "charlottenburg")
        answers = await ask_everything(host, "ada", "0123456789abcdef")
        lists = {item: status for item, (status, _) in answers.items() if "GET /api/tasks?" in item}
        others = {status for item, (status, _) in answers.items() if item not in lists}
        assert others == {403}
        assert lists["GET /api/tasks?count=true"] == 403
        assert lists[f"GET /api/tasks?args.share={HIDDEN}&limit=2"] == 403


@pytest.mark.parametrize("policy", [Owned, Predicate])
async def test_who_may_not_see_arguments_finds_nothing_by_them_not_even_their_own(
    policy: type[BackgroundTaskPolicy],
) -> None:
    async with host_with(policy) as host, host.http("ada") as http:
        await host.manager.run_task(
            Copy(share="charlottenburg", shows_it=False), owner="ada", delay=3600
        )
        assert (await http.get("/api/tasks?q=copy")).json()["items"] != []
        assert (await http.get("/api/tasks?q=charlottenburg")).json()["items"] == []
        assert (await http.get("/api/tasks?args.share=charlottenburg")).status_code == 403


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_task_that_is_hidden_is_one_that_is_not_there(
    policy: type[BackgroundTaskPolicy],
) -> None:
    async with host_with(policy) as host:
        hidden = await host.add_tasks("bob", HIDDEN)
        for user, door in itertools.product(("ada", "eve"), OF_ONE_TASK):
            method, path = door.split()
            async with host.http(user) as http:
                nothing = uuid4()
                expected = await http.request(method, path.replace("{id}", str(nothing)))
                assert expected.status_code == 404
                for task_id in hidden:
                    answer = await http.request(method, path.replace("{id}", str(task_id)))
                    assert answer.status_code == 404
                    assert answer.text.replace(str(task_id), str(nothing)) == expected.text


@pytest.mark.parametrize("user", ["ada", "eve"])
async def test_what_is_everybodys_is_controlled_by_the_admin_alone(user: str) -> None:
    async with host_with(Owned) as host:
        for door in CONTROLLED:
            method, path = door.split()
            path = path.format(type="Copy", name="hourly")
            async with host.http(user) as http:
                answer = await http.request(method, path)
                assert answer.status_code == 403
                nothing = path.replace("Copy", "None").replace("hourly", "none")
                assert (await http.request(method, nothing)).text == answer.text.replace(
                    path, nothing
                )


async def events(socket: Any) -> list[Any]:
    """What the socket was sent by now, without acks and pings."""
    found = []
    for _ in range(200):
        await asyncio.sleep(0)
    while not socket.from_app.empty():
        frame = await socket.frame()
        if frame.startswith("42"):
            found.append(json.loads(frame.partition(",")[2]))
    return found


@pytest.mark.parametrize("policy", [Owned, PredicateWithArguments])
async def test_no_event_comes_of_what_is_hidden(policy: type[BackgroundTaskPolicy]) -> None:
    async with (
        host_with(policy) as host,
        host.socket("ada") as ada,
        host.socket("eve") as eve,
        host.socket("admin") as admin,
    ):
        hidden = [str(await host.manager.run_task(Copy(share=HIDDEN), owner="bob", delay=1))]
        for socket in (ada, eve):
            assert (await socket.call("Subscribe", {"view": "stats"}))["ok"] is False
            for ids in ([str(uuid4())], hidden):  # the hidden one last, to be followed
                wanted = {"ids": ids, "logs": ids, "types": ["Copy"]}
                assert await socket.call("Subscribe", wanted) == {"ok": True, "tasks": []}
        view = {"view": "stats"} if policy is Owned else {}
        assert (await admin.call("Subscribe", {"types": ["Copy"], **view}))["ok"] is True
        await host.add_tasks("bob", HIDDEN)
        await host.manager.pause("Copy", HIDDEN)
        await host.manager.pause_schedule("hourly")
        expected = {"TaskUpdated"}
        if policy is Owned:
            expected |= {"TypeUpdated", "ScheduleUpdated", "StatsUpdated"}
        told: set[str] = set()
        others: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while not told >= expected:
                others += [*await events(ada), *await events(eve)]
                told |= {event for event, _ in await events(admin)}
                host.clock.advance(1)
                await asyncio.sleep(0.001)
        assert told == expected
        assert [*others, *await events(ada), *await events(eve)] == []

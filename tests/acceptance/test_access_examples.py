"""The examples of access: two users over HTTP and Socket.IO who must not see each other's tasks."""

import asyncio
import importlib
import socket as sockets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
import uvicorn
from dependency_injector import providers

from bgtasks.testing import FakeClock

sys.path.append(str(Path(__file__).parents[2]))

PATIENCE = 10
NAMESPACE = "/background-tasks"
NEEDS = {"session_cookie": "itsdangerous", "bearer_token": None, "fastapi_app": "fastapi"}


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    listener = sockets.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="websockets-sansio"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE):
            await running
        listener.close()


class User:
    """Somebody who is logged in: an HTTP client, and a Socket.IO client that keeps the updates."""

    def __init__(self, address: str) -> None:
        self.http = httpx.AsyncClient(base_url=address)
        self.sio = socketio.AsyncClient(reconnection=False)
        self.updates: asyncio.Queue[Any] = asyncio.Queue()
        self.told: asyncio.Queue[Any] = asyncio.Queue()
        self.auth: dict[str, str] | None = None
        self.sio.on("TaskUpdated", self.updates.put, namespace=NAMESPACE)
        self.sio.on("Refused", self.told.put, namespace=NAMESPACE)

    async def connect(self) -> None:
        """Connect to the hub with the headers and cookies that a browser would send."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        await self.sio.connect(
            str(self.http.base_url),
            headers={"Cookie": cookies} if cookies else {},
            auth=self.auth,
            namespaces=[NAMESPACE],
            socketio_path="/background-tasks/socket.io",
            transports=["websocket"],
        )

    async def close(self) -> None:
        await self.sio.disconnect()
        await self.http.aclose()

    async def export(self) -> str:
        answer = await self.http.post("/exports")
        assert answer.status_code == 202
        task_id: str = answer.json()["id"]
        return task_id

    async def listed(self) -> set[str]:
        answer = await self.http.get("/background-tasks/api/tasks")
        assert answer.status_code == 200
        return {item["id"] for item in answer.json()["items"]}

    async def followed_to_the_end(self, task_id: str) -> set[str]:
        """All tasks this user was shown until ``task_id`` was completed."""
        seen = set()
        async with asyncio.timeout(PATIENCE):
            while True:
                update = await self.updates.get()
                seen.add(update["id"])
                if (update["id"], update["status"]) == (task_id, "Completed"):
                    return seen


async def log_in(example: str, user: User, name: str) -> None:
    """As the example wants it."""
    if example == "session_cookie":
        password = {"alice": "wonderland", "bob": "builder"}[name]
        answer = await user.http.post("/login", headers={"x-name": name, "x-password": password})
        assert answer.status_code == 200
    elif example == "bearer_token":
        user.http.headers["Authorization"] = f"Bearer {name}s-token"
        user.auth = {"token": f"{name}s-token"}
    else:
        user.http.headers["X-API-Key"] = f"{name}s-key"
        user.http.cookies["api_key"] = f"{name}s-key"


@pytest.fixture(params=list(NEEDS))
def example(request: pytest.FixtureRequest) -> Any:
    needed = NEEDS[request.param]
    if needed is not None:
        pytest.importorskip(needed, reason=f"the example {request.param} needs {needed}")
    return request.param


@pytest.fixture
async def address(example: str) -> AsyncIterator[str]:
    module = importlib.import_module(f"examples.access.{example}")
    async with serving(module.make_app()) as where:
        yield where


@pytest.fixture
async def people(example: str, address: str) -> AsyncIterator[tuple[User, User, User]]:
    """Alice and Bob, who are logged in, and somebody who is not."""
    everybody = User(address), User(address), User(address)
    for user, name in zip(everybody, ("alice", "bob"), strict=False):
        await log_in(example, user, name)
    yield everybody
    for user in everybody:
        await user.close()


async def test_two_users_do_not_see_each_others_tasks(people: tuple[User, User, User]) -> None:
    alice, bob, _ = people
    await alice.connect()
    await bob.connect()
    hers, his = await alice.export(), await bob.export()
    assert await alice.listed() == {hers}
    assert await bob.listed() == {his}
    for name in ("", "/attempts", "/permissions"):
        path = f"/background-tasks/api/tasks/{hers}{name}"
        assert (await bob.http.get(path)).status_code == 404
        assert (await alice.http.get(path)).status_code == 200
    assert (await bob.http.delete(f"/background-tasks/api/tasks/{hers}")).status_code == 404
    refused = await bob.sio.call("CancelTask", {"id": hers}, namespace=NAMESPACE)
    assert refused["ok"] is False
    subscribed = await bob.sio.call("Subscribe", {"ids": [hers, his]}, namespace=NAMESPACE)
    assert [task["id"] for task in subscribed["tasks"]] == [his]
    assert await alice.followed_to_the_end(hers) == {hers}
    assert await bob.followed_to_the_end(his) == {his}


async def test_who_is_not_logged_in_gets_nowhere(people: tuple[User, User, User]) -> None:
    alice, _, stranger = people
    hers = await alice.export()
    assert (await stranger.http.post("/exports")).status_code in (401, 403)
    for path in ("", f"/{hers}", "/events"):
        answer = await stranger.http.get(f"/background-tasks/api/tasks{path}")
        assert answer.status_code == 403
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.connect()
    assert stranger.updates.empty()


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """The clock of each example that is made meanwhile."""
    from examples.access.exports import Application

    clock = FakeClock()
    # What is called: an object would be copied into each container.
    with Application.background_tasks.clock.override(providers.Callable(lambda: clock)):
        yield clock


async def told_in_time(user: User, clock: FakeClock) -> Any:
    """What the hub tells ``user`` when it asks again, after a minute, whether it may stay."""
    async with asyncio.timeout(PATIENCE):
        while user.told.empty():
            clock.advance(10)
            await asyncio.sleep(0.01)
    return user.told.get_nowait()


async def test_a_token_that_is_revoked_ends_the_connection(
    monkeypatch: Any, clock: FakeClock
) -> None:
    from examples.access import bearer_token

    tokens = dict(bearer_token.TOKENS)
    # The example's table of tokens stands for a database, in which one is revoked.
    monkeypatch.setattr(bearer_token, "TOKENS", tokens)
    async with serving(bearer_token.make_app()) as where:
        alice = User(where)
        await log_in("bearer_token", alice, "alice")
        await alice.connect()
        del tokens["alices-token"]
        assert "may not" in (await told_in_time(alice, clock))["error"]
        async with asyncio.timeout(PATIENCE):
            await alice.sio.wait()
        with pytest.raises(socketio.exceptions.ConnectionError):
            await alice.connect()
        await alice.close()


async def test_a_logout_ends_the_connection_of_the_hub(clock: FakeClock) -> None:
    pytest.importorskip("itsdangerous", reason="the example session_cookie needs itsdangerous")
    from examples.access import session_cookie

    async with serving(session_cookie.make_app()) as where:
        alice = User(where)
        await log_in("session_cookie", alice, "alice")
        await alice.connect()
        assert (await alice.http.post("/logout")).status_code == 204
        assert "may not" in (await told_in_time(alice, clock))["error"]
        async with asyncio.timeout(PATIENCE):
            await alice.sio.wait()
        await alice.close()

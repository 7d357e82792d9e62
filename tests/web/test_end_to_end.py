"""The true manager on a store in memory, behind a true server, with true clients."""

import asyncio
import json
import socket as sockets
import warnings
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import socketio
import uvicorn
import websockets
from attrs import frozen
from dependency_injector import containers, providers
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.typing import Origin

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    background_task,
)
from bgtasks.testing import FakeClock

with warnings.catch_warnings():
    # Newer releases of Starlette would rather have another HTTP library than httpx.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PATIENCE = 10


@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    steps: int = 3
    fail: bool = False
    wait: bool = False


@frozen
class CopyProgress:
    copied_bytes: int


class CopyWorker(BackgroundWorker[CopyTask, CopyProgress]):
    async def execute(self, context: Any) -> None:
        for step in range(context.task.steps):
            context.report_progress(10.0 * step, payload=CopyProgress(step))
            await asyncio.sleep(0)
        if context.task.fail:
            raise RuntimeError("disk full")
        if context.task.wait:
            await context.cancellation_token.wait_async()


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    worker = providers.Factory(CopyWorker)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(CopyTask, worker, payload_type=CopyProgress)),
    )


@pytest.fixture
def container() -> Any:
    container = Application()
    container.config.from_dict({"background_tasks": {"database": ":memory:"}})
    return container


def make_app(container: Any) -> Any:
    return Starlette(
        routes=[Mount("/background-tasks", app=container.background_tasks.asgi_app())],
        lifespan=container.background_tasks.lifespan(),
    )


@asynccontextmanager
async def serving(app: Any) -> Any:
    listener = sockets.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", ws="websockets-sansio", lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE):
            await running
        listener.close()


class Client:
    """python-socketio's own client, which keeps the updates it was sent."""

    def __init__(self) -> None:
        self.sio = socketio.AsyncClient(reconnection=False)
        self.updates: asyncio.Queue[Any] = asyncio.Queue()
        self.sio.on("TaskUpdated", self.updates.put, namespace="/background-tasks")

    async def connect(self, address: Any, **options: Any) -> None:
        await self.sio.connect(
            f"http://{address}",
            namespaces=["/background-tasks"],
            socketio_path="/background-tasks/socket.io",
            transports=["websocket"],
            **options,
        )

    async def call(self, event: Any, data: Any = None) -> Any:
        return await self.sio.call(event, data, namespace="/background-tasks", timeout=PATIENCE)

    async def until(self, status: Any) -> Any:
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while not found or found[-1]["status"] != status:
                found.append(await self.updates.get())
        return found


async def test_a_task_is_seen_live_from_pending_to_completed(container: Any) -> None:
    async with serving(make_app(container)) as address:
        client = Client()
        await client.connect(address)
        task_id = await container.background_tasks.manager().run_task(CopyTask())
        updates = await client.until("Completed")
        revisions = [update["revision"] for update in updates]
        assert revisions == sorted(set(revisions))
        assert {update["id"] for update in updates} == {str(task_id)}
        assert updates[-1]["progress"] == 100.0
        assert updates[-1]["payload"] == {"copiedBytes": 2}
        await client.sio.disconnect()


async def test_a_client_that_was_away_learns_how_its_task_ended(container: Any) -> None:
    async with serving(make_app(container)) as address:
        manager = container.background_tasks.manager()
        task_id = await manager.run_task(CopyTask(fail=True))
        await manager.wait_for(task_id, PATIENCE)
        client = Client()
        await client.connect(address)
        (update,) = await client.until("Failed")
        assert update["errorMessage"] == "disk full"
        await client.sio.disconnect()


async def test_cancel_and_retry_over_http_are_seen_over_the_hub(container: Any) -> None:
    async with serving(make_app(container)) as address, httpx.AsyncClient() as http:
        client = Client()
        await client.connect(address)
        task_id = await container.background_tasks.manager().run_task(CopyTask(wait=True))
        await client.until("Running")
        url = f"http://{address}/background-tasks/api/tasks/{task_id}"
        assert (await http.delete(url)).status_code == 202
        assert (await client.until("Cancelled"))[-1]["id"] == str(task_id)
        assert (await http.delete(url)).status_code == 409
        assert (await http.post(url + "/retry")).status_code == 202
        await client.until("Running")
        assert (await client.call("CancelTask", {"id": str(task_id)}))["ok"] is True
        await client.until("Cancelled")
        listing = (await http.get(f"http://{address}/background-tasks/api/tasks")).json()
        assert [item["status"] for item in listing["items"]] == ["Cancelled"]
        await client.sio.disconnect()


async def test_broken_frames_over_a_true_server_close_the_connection(container: Any) -> None:
    async with serving(make_app(container)) as address:
        url = f"ws://{address}/background-tasks/socket.io/?EIO=4&transport=websocket"
        for frame in ("x", "", "42/background-tasks,1{", b"\x00", "4" + "9" * 70_000):
            async with websockets.connect(url) as raw, asyncio.timeout(PATIENCE):
                assert (await raw.recv(decode=True)).startswith("0{")
                await raw.send("40/background-tasks,")
                assert (await raw.recv(decode=True)).startswith("40/background-tasks,")
                await raw.send(frame)
                await raw.wait_closed()
        assert container.background_tasks.hub().number_of_clients == 0


async def test_foreign_pages_are_refused_at_the_handshake(container: Any) -> None:
    async with serving(make_app(container)) as address:
        url = f"ws://{address}/background-tasks/socket.io/?EIO=4&transport=websocket"
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(url, origin=Origin("https://evil.example"))
        async with websockets.connect(url, origin=Origin(f"http://{address}")) as raw:
            assert (await raw.recv(decode=True)).startswith("0{")


async def test_the_server_stops_though_clients_are_connected(container: Any) -> None:
    before = asyncio.all_tasks()
    async with serving(make_app(container)) as address:
        url = f"ws://{address}/background-tasks/socket.io/?EIO=4&transport=websocket"
        raw = await websockets.connect(url)
        await raw.send("40/background-tasks,")
        await raw.recv()
    await raw.wait_closed()
    assert asyncio.all_tasks() <= before


async def test_an_event_stream_goes_live_over_a_true_server_and_does_not_hold_up_its_stop(
    container: Any,
) -> None:
    before = asyncio.all_tasks()
    seen: list[Any] = []
    opened, ended = asyncio.Event(), asyncio.Event()

    async def follow(url: Any) -> None:
        async with httpx.AsyncClient() as http, http.stream("GET", url, timeout=None) as answer:
            async for line in answer.aiter_lines():
                opened.set()
                if line.startswith("data: "):
                    seen.append(json.loads(line.removeprefix("data: ")))
                    if seen[-1]["status"] == "Completed":
                        ended.set()

    async with asyncio.timeout(PATIENCE):
        async with serving(make_app(container)) as address:
            url = f"http://{address}/background-tasks/api/tasks/events"
            following = [asyncio.create_task(follow(url)) for _ in range(3)]
            await opened.wait()
            await container.background_tasks.manager().run_task(CopyTask())
            await ended.wait()
        await asyncio.gather(*following)
    assert seen[-1]["progress"] == 100.0
    assert asyncio.all_tasks() <= before


async def test_a_client_that_is_refused_later_is_told_and_disconnected_for_good(
    container: Any, monkeypatch: Any
) -> None:
    clock = FakeClock()
    container.background_tasks.clock.override(providers.Object(clock))
    policy = container.background_tasks.policy()
    async with serving(make_app(container)) as address:
        client = Client()
        told: asyncio.Queue[Any] = asyncio.Queue()
        client.sio.on("Refused", told.put, namespace="/background-tasks")
        client.sio.on("disconnect", told.put, namespace="/background-tasks")
        await client.connect(address)

        async def no(requester: Any) -> bool:
            return False

        monkeypatch.setattr(policy, "can_connect", no)
        async with asyncio.timeout(PATIENCE):
            while told.empty():
                clock.advance(10)
                await asyncio.sleep(0.01)
            assert "may not" in (await told.get())["error"]
            assert await told.get() == client.sio.reason.SERVER_DISCONNECT
            await client.sio.wait()


def test_a_host_can_test_its_hub_with_starlettes_test_client(container: Any) -> None:
    app, local = make_app(container), "http://localhost"
    with TestClient(app, base_url=local, client=("127.0.0.1", 5000)) as http:
        assert http.portal is not None
        manager = container.background_tasks.manager()
        url = "ws://localhost/background-tasks/socket.io/?EIO=4&transport=websocket"
        with http.websocket_connect(url) as raw:
            assert raw.receive_text().startswith("0{")
            raw.send_text("40/background-tasks,")
            assert raw.receive_text().startswith("40/background-tasks,")
            task_id = http.portal.call(manager.run_task, CopyTask())
            frame = raw.receive_text()
            event, task = json.loads(frame.partition(",")[2])
            assert (event, task["id"]) == ("TaskUpdated", str(task_id))
        assert http.get("/background-tasks/api/tasks").json()["items"]


async def test_a_loop_of_the_hub_that_ended_is_trouble_of_the_manager(container: Any) -> None:
    # FAULTS 5
    manager = container.background_tasks.manager()
    container.background_tasks.asgi_app()
    async with container.background_tasks.lifespan()(None):
        assert manager.health().trouble is None
        (loop,) = [t for t in asyncio.all_tasks() if t.get_name() == "sending updates to clients"]
        loop.cancel()
        await asyncio.wait([loop])
        assert "sending updates to clients" in manager.health().trouble


def test_nobody_from_elsewhere_gets_in(container: Any) -> None:
    with TestClient(make_app(container), client=("203.0.113.9", 5000)) as http:
        assert http.get("/background-tasks/api/tasks").status_code == 403

"""One update to 1, 100 and 1,000 clients, beside python-socketio's own ``emit``.

Both hand a snapshot of about 400 bytes to clients without a network, by turns, until the last
client has it. For the hub that is everything that one broadcast does: it finds who may see the
task, encodes the snapshot and sends it.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable

import socketio
from asgi_client import NAMESPACE, AsgiClient
from example_snapshot import snapshot
from host import application
from measuring import QUICK, answer, new_database

COUNTS = (1, 100, 1000)
TURNS = 3 if QUICK else 7
UPDATES_A_TURN = 10


async def turn(send: Callable[[], Awaitable[object]], clients: list[AsgiClient]) -> float:
    """The median microseconds of one update, until it has arrived."""
    taken = []
    for _ in range(UPDATES_A_TURN):
        before = clients[-1].received
        started = time.perf_counter()
        await send()
        while clients[-1].received == before:  # noqa: ASYNC110
            await asyncio.sleep(0)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6


async def main() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", namespaces=[NAMESPACE])
    bare = socketio.ASGIApp(sio)
    container = application(new_database()).background_tasks
    wire = container.codec().wire(snapshot(1))
    figures: dict[str, float] = {}
    revision = 0
    hub = container.hub()
    async with container.lifespan()(None):
        theirs: list[AsgiClient] = []
        ours: list[AsgiClient] = []

        async def emit() -> None:
            await sio.emit("TaskUpdated", wire, namespace=NAMESPACE)

        async def broadcast() -> None:
            nonlocal revision
            revision += 1
            await deliver(snapshot(revision))

        assert hub.running is not None
        deliver = hub.running.dispatcher.broadcast
        for count in COUNTS:
            for clients, app, path in (
                (theirs, bare, "/socket.io/"),
                (ours, hub.app, "/background-tasks/socket.io/"),
            ):
                for _ in range(count - len(clients)):
                    clients.append(AsgiClient(app, path))
                    await clients[-1].connect()
            await broadcast()  # asks the policy about each client, once a minute
            emits, updates = [], []
            gc.collect()
            for _ in range(TURNS):
                emits.append(await turn(emit, theirs))
                updates.append(await turn(broadcast, ours))
            figures[f"emit_{count}_us"] = statistics.median(emits)
            figures[f"update_{count}_us"] = statistics.median(updates)
        for client in ours + theirs:
            await client.close()
    await sio.shutdown()
    answer(**figures)


asyncio.run(main())

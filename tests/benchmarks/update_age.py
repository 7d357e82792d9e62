"""How old an update is when it arrives, at 1,000 clients and 5 updates a second to each.

The server is this process: the hub behind uvicorn, with compression. An update carries the time at
which the manager announced it, on the clock that the processes of the clients read too.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from typing import Any

import aiohttp
import attrs
import uvicorn
from example_snapshot import CopyProgress, snapshot
from host import application
from measuring import QUICK, answer, new_database, percentile

NAMESPACE = "/background-tasks"
CLIENTS = 100 if QUICK else 1_000
PROCESSES = 2
JOINING_AT_ONCE = 16  # a server lets no more than 64 of one address wait at its door
RATE = 5.0
SECONDS = 2 if QUICK else 20
SETTLING = 3.0
SAMPLES = 10_000


async def read_all(port: int, clients: int) -> None:
    """What a process of clients does: prints a line when all have joined, and the ages when it is
    told that the last update was sent."""
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    door, everybody = asyncio.Semaphore(JOINING_AT_ONCE), asyncio.Event()
    joined, ages = 0, list[float]()

    async def read(session: aiohttp.ClientSession) -> None:
        nonlocal joined
        await door.acquire()
        async with session.ws_connect(url, compress=15) as connection:
            await connection.send_str(f"40{NAMESPACE},")
            async for message in connection:
                text = message.data
                if text == "2":
                    await connection.send_str("3")
                elif text.startswith("40"):
                    door.release()
                    joined += 1
                    if joined == clients:
                        everybody.set()
                elif (at := text.find('"currentPath":"')) > 0:
                    sent_at = float(text[at + 15 : text.index('"', at + 15)])
                    ages.append(time.monotonic() - sent_at)

    async def read_everything() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(read(session) for _ in range(clients)))

    reading = asyncio.create_task(read_everything())
    await everybody.wait()
    print("joined", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ages.sort()
    figures = {"received": len(ages), "ages": ages[:: max(len(ages) // SAMPLES, 1)]}
    print(json.dumps(figures), flush=True)
    reading.cancel()


def start_clients(port: int) -> "subprocess.Popen[str]":
    """A process whose clients have joined and read whatever is sent."""
    command = [sys.executable, __file__, str(port), str(CLIENTS // PROCESSES)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "joined\n"
    return process


def figures_of(process: "subprocess.Popen[str]") -> Any:
    """What its clients have seen."""
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


async def publish_all(manager: Any) -> int:
    """Announce the updates, evenly spread; returns how many there were."""
    count = int(RATE * SECONDS)
    start = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(start + number / RATE - time.monotonic(), 0))
        payload = CopyProgress(current_path=repr(time.monotonic()))
        manager.task_updated.publish(attrs.evolve(snapshot(number + 1), payload=payload))
    return count


async def main() -> None:
    container = application(new_database(), publish_interval=0).background_tasks
    listening = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
    config = uvicorn.Config(container.asgi_app(), log_level="error", lifespan="off")
    async with container.lifespan()(None):
        serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listening]))
        port = listening.getsockname()[1]
        readers = [await asyncio.to_thread(start_clients, port) for _ in range(PROCESSES)]
        try:
            used = time.process_time()
            sent = await publish_all(container.manager())
            await asyncio.sleep(SETTLING)
            used = time.process_time() - used
            said = [await asyncio.to_thread(figures_of, reader) for reader in readers]
        finally:
            for reader in readers:
                reader.kill()
            serving.cancel()
    received = sum(each["received"] for each in said)
    ages = [age * 1000 for each in said for age in each["ages"]]
    answer(
        p50_ms=percentile(ages, 50),
        p95_ms=percentile(ages, 95),
        arrived_percent=received / (sent * CLIENTS) * 100,  # the others were overtaken
        cpu_us_per_delivery=used / received * 1e6,
    )


if len(sys.argv) == 3:
    asyncio.run(read_all(int(sys.argv[1]), int(sys.argv[2])))
else:
    asyncio.run(main())

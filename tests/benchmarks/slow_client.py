"""10,000 updates of 50 tasks to a client that has stopped reading: what waits for it, and after.

``held_packets`` is all that waits for it at the end, in the queue of the protocol library and in
the hub; ``most_queued`` the most that was in the queue. When it reads again it has to be current.
"""

import asyncio
import json
from typing import Any

import attrs
from asgi_client import AsgiClient
from example_snapshot import snapshot
from host import application
from measuring import answer, new_database

from bgtasks.ids import uuid7

TASKS = 50
UPDATES = 10_000


async def main() -> None:
    container = application(new_database(), publish_interval=0).background_tasks
    hub = container.hub()
    async with container.lifespan()(None):
        client = AsgiClient(hub.app, "/background-tasks/socket.io/")
        await client.connect()
        assert hub.running is not None
        (known,) = hub.running.audience
        assert known.queue is not None
        client.reads.clear()
        tasks = [attrs.evolve(snapshot(0), id=uuid7()) for _ in range(TASKS)]
        most = 0
        for number in range(1, UPDATES + 1):
            task: Any = attrs.evolve(tasks[number % TASKS], revision=number)
            container.manager().task_updated.publish(task)
            await asyncio.sleep(0)
            most = max(most, known.queue.qsize())
        held = known.queue.qsize() + len(known.backlog)
        client.keep = True
        client.reads.set()
        seen: dict[str, int] = {}
        async with asyncio.timeout(30):
            while len(seen) < TASKS or min(seen.values()) <= UPDATES - TASKS:
                await asyncio.sleep(0.01)
                seen = newest(client.frames)
        await client.close()
    answer(held_packets=held, most_queued=most, current_tasks=len(seen), sent_after=client.received)


def newest(frames: list[str]) -> dict[str, int]:
    """The greatest revision of each task in the frames."""
    seen: dict[str, int] = {}
    for frame in frames:
        if frame.startswith("42"):
            _, task = json.loads(frame.partition(",")[2])
            seen[task["id"]] = max(seen.get(task["id"], 0), task["revision"])
    return seen


asyncio.run(main())

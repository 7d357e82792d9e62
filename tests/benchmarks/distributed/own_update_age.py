"""From ``report_progress`` in a worker process to a client of a web node in another process.

A few tasks report by turns, each further apart than the publish interval: a report after a quiet
time goes out at once, so the interval delays none of them. The client is python-socketio's, on a
websocket, in a third process.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import socketio
from distributed.app import ReportTask, enqueuer, let_go, work
from distributed.driving import POSTGRES, median, this_script, until_ended, workers
from distributed.nodes import web_node
from measuring import QUICK, answer, percentile

NAMESPACE = "/background-tasks"
TASKS = 4
REPORTS = 5 if QUICK else 30
EVERY = 0.5  # the publish interval is 0.2 s
SETTLED = 2.0


async def main() -> None:
    go = Path(tempfile.mkdtemp(prefix="go-")) / "go"
    ages: list[float] = []
    client = socketio.AsyncClient(reconnection=False)

    def updated(task: dict[str, Any]) -> None:
        if task["status"] == "Running" and task["payload"] is not None:
            ages.append((time.monotonic() - task["payload"]["sentAt"]) * 1000)

    client.on("TaskUpdated", updated, namespace=NAMESPACE)
    async with enqueuer(POSTGRES) as manager, web_node() as (_, port):
        await client.connect(
            f"http://127.0.0.1:{port}", transports=["websocket"], namespaces=[NAMESPACE]
        )
        with workers(this_script("worker")) as running:
            for number in range(TASKS):
                offset = number * EVERY / TASKS
                await manager.run_task(
                    ReportTask(go=go, offset=offset, every=EVERY, reports=REPORTS)
                )
            while (await running.seen()).started < TASKS:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await asyncio.to_thread(let_go, go, time.monotonic() + SETTLED)
            await until_ended(running, TASKS)
            await asyncio.sleep(0.5)
        await client.disconnect()
    if len(ages) != TASKS * REPORTS:
        message = f"{len(ages)} of {TASKS * REPORTS} reports came"
        raise RuntimeError(message)
    answer(p50_ms=median(ages), p95_ms=percentile(ages, 95))


if sys.argv[1:2] == ["worker"]:
    sys.exit(work(POSTGRES))
else:
    asyncio.run(main())

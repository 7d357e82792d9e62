"""A web node whose 1,000 clients all follow the same 200 running tasks, run by another process.

The tasks run before the clients come. Then each task reports and, a while later, ends, evenly
spread: ``RATE`` updates a second, each sent to every client. The clients are in two processes of
their own. Nothing may be lost: at the end each client has the final state of each task.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from distributed.app import ReportTask, enqueuer, let_go, work
from distributed.driving import POSTGRES, this_script, until_ended, workers
from distributed.nodes import line_of, process, used_by, web_node
from measuring import QUICK, answer, percentile

TASKS = 200
CLIENTS = 100 if QUICK else 1_000
PROCESSES = 2
RATE = 40.0 if QUICK else 5.0
EVERY = TASKS / RATE
LATE = 60.0


async def main() -> None:
    go = Path(tempfile.mkdtemp(prefix="go-")) / "go"
    async with enqueuer(POSTGRES) as manager, web_node() as (web, port):
        with workers(this_script("worker")) as running, ExitStack() as stack:
            await manager.run_tasks(
                [
                    ReportTask(go=go, offset=number / RATE, every=EVERY, reports=1)
                    for number in range(TASKS)
                ]
            )
            while (await running.seen()).started < TASKS:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            sizes = [str(port), str(CLIENTS // PROCESSES), str(TASKS)]
            clients = [stack.enter_context(process("clients", *sizes)) for _ in range(PROCESSES)]
            for each in clients:
                assert await line_of(each) == "ready"
            begin = time.monotonic() + 1
            await asyncio.to_thread(let_go, go, begin)
            await asyncio.sleep(1)
            before = await used_by(web)
            await until_ended(running, TASKS)
            asyncio.get_running_loop().call_later(LATE, stop_waiting, clients)
            said = [json.loads(await line_of(each)) for each in clients]
            seconds = time.monotonic() - begin
            after = await used_by(web)
    cpu = after["cpu"] - before["cpu"]
    received = sum(each["received"] for each in said)
    ages = [age * 1000 for each in said for age in each["ages"]]
    answer(
        cpu_percent=cpu / seconds * 100,
        delivered_per_second=received / seconds,
        cpu_us_per_delivery=cpu / received * 1e6,
        age_p50_ms=percentile(ages, 50),
        age_p95_ms=percentile(ages, 95),
        lost=CLIENTS * TASKS - sum(each["final"] for each in said),
        disconnected=sum(each["disconnected"] for each in said),
        memory_mb=after["memory_mb"],
    )


def stop_waiting(clients: "list[subprocess.Popen[str]]") -> None:
    """Something is lost: have the clients say what they have."""
    for each in clients:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()


if sys.argv[1:2] == ["worker"]:
    sys.exit(work(POSTGRES, max_concurrency=TASKS))
else:
    asyncio.run(main())

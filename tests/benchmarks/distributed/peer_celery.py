"""Celery with its prefork pool of two processes. It has no async tasks: these are plain functions.

Its fast settings: hiredis, results ignored, many messages fetched ahead, no gossip, no events, and
no acknowledging late.
"""

import asyncio
import sys

from celery import Celery
from distributed.driving import VALKEY, run_all, this_script
from distributed.stamps import STAMPS
from measuring import answer, scaled

TASKS = 5_000

app = Celery("benchmark", broker=VALKEY)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
)


@app.task(name="noop")
def noop() -> None:
    STAMPS.started()
    STAMPS.ended()


async def main() -> None:
    tasks = scaled(TASKS)
    with app.producer_pool.acquire() as producer:
        for _ in range(tasks):
            noop.apply_async(producer=producer)
    seen = await run_all(this_script("worker"), tasks)
    answer(tasks_per_second=seen.tasks_per_second)


if sys.argv[1:] == ["worker"]:
    options = ["--pool=prefork", "--concurrency=2", "--loglevel=ERROR"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", *options, *quiet])
else:
    asyncio.run(main())

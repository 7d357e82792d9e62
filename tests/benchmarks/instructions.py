"""Instructions that the processor carries out for one task, counted by valgrind.

Unlike a time, they do not depend on what else runs on the machine. bgtasks beside the same two
writes by hand.
"""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import throughput_floor
from host import NoopTask, application
from measuring import QUICK, answer, new_database, rate_of

from bgtasks import BackgroundTaskStatus

FEW, MANY = 500, 1_000 if QUICK else 2_500
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


async def bgtasks(tasks: int) -> None:
    async with application(new_database()).background_tasks.manager() as manager:

        async def run_one() -> None:
            info = await manager.wait_for(await manager.run_task(NoopTask()))
            assert info.status is BackgroundTaskStatus.COMPLETED

        await rate_of(run_one, tasks)


async def by_hand(tasks: int) -> None:
    await throughput_floor.measure(2, 0, tasks)


def counted(what: str, tasks: int) -> int:
    """All instructions of a process that carries out so many tasks."""
    command = [*VALGRIND, sys.executable, __file__, what, str(tasks)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    (line,) = [line for line in done.stderr.splitlines() if "I" in line and "refs:" in line]
    return int(line.split(":")[1].replace(",", ""))


def for_each(what: str) -> float:
    """Without what a process needs to start and to end."""
    with ThreadPoolExecutor() as both:  # at the same time: nothing is timed
        many, few = both.map(lambda tasks: counted(what, tasks), (MANY, FEW))
    return (many - few) / (MANY - FEW)


if sys.argv[1:2] == ["bgtasks"]:
    asyncio.run(bgtasks(int(sys.argv[2])))
elif sys.argv[1:2] == ["by_hand"]:
    asyncio.run(by_hand(int(sys.argv[2])))
else:
    answer(bgtasks=for_each("bgtasks"), by_hand=for_each("by_hand"))

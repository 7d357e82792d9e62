"""The whole: 1,000 browsers, 4 worker processes, tasks that report, and what is full first.

One web node serves the browsers and accepts the tasks. Each task belongs to one browser, waits 0.2
s in all, reports three times with a payload, and ends. The rate goes up in steps. Of each step: how
old an end is when its browser has it, how many did not come in time, and the CPU time that the web
node, the workers, the server and the browsers took. All share one machine, which is full when their
times add up to its cores. Needs Linux, which tells the CPU time of other processes.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import asyncpg
from distributed.app import enqueuer, work
from distributed.driving import POSTGRES, this_script, workers
from distributed.nodes import line_of, process
from measuring import QUICK, answer, percentile

BROWSERS = 100 if QUICK else 1_000
PROCESSES = 2
WORKERS = 4
RATES = (50, 100) if QUICK else (100, 200, 300, 400, 500)
SECONDS = 3 if QUICK else 15
LATE = 5.0
"""Seconds after the last submission in which all ends of a step have to come."""

TICK = os.sysconf("SC_CLK_TCK")

Shares = Mapping[str, Callable[[], float]]


async def main() -> None:
    async with enqueuer(POSTGRES):
        pass
    with workers(this_script("worker"), WORKERS) as running, ExitStack() as stack:
        web = stack.enter_context(process("whole_node"))
        port = await line_of(web)
        browsers = [
            stack.enter_context(process("whole_browsers", port, str(first), str(PROCESSES)))
            for first in range(PROCESSES)
        ]
        for each in browsers:
            tell(each, count=BROWSERS)
        for each in browsers:
            assert await line_of(each) == "ready"
        server = await pid_of_server()
        shares: Shares = {
            "web": lambda: cpu_of(web.pid),
            "workers": lambda: cpu_of(*(each.pid for each in running.processes)),
            "server": lambda: cpu_of(server, *children_of(server)),
            "browsers": lambda: cpu_of(*(each.pid for each in browsers)),
        }
        steps = [await one_step(rate, web, browsers, shares) for rate in RATES]
    answer(**summary(steps))


def summary(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The fastest step that kept up, or the first one, in one row; all of them go to stderr."""
    for step in steps:
        print({name: round(value, 2) for name, value in step.items()}, file=sys.stderr)
    best = max((step for step in steps if keeps_up(step)), key=by_rate, default=steps[0])
    cores = {name: value for name, value in best.items() if name.endswith("_cores")}
    return {
        "tasks_per_second": best["submitted_per_second"] if keeps_up(best) else 0.0,
        "end_age_p50_ms": best["end_age_p50_ms"],
        "end_age_p95_ms": best["end_age_p95_ms"],
        **{
            name.replace("_cores", "_us"): value / best["submitted_per_second"] * 1e6
            for name, value in cores.items()
        },
    }


def keeps_up(step: Mapping[str, float]) -> bool:
    """Whether all came in time, at the rate that was meant."""
    return step["not_in_time"] == 0 and step["submitted_per_second"] >= 0.95 * step["rate"]


def by_rate(step: Mapping[str, float]) -> float:
    return step["rate"]


async def one_step(
    rate: int,
    web: "subprocess.Popen[str]",
    browsers: "Sequence[subprocess.Popen[str]]",
    shares: Shares,
) -> dict[str, float]:
    """Tasks at one rate for some seconds: what they cost, and how they came."""
    before = {name: cpu() for name, cpu in shares.items()}
    began = time.monotonic()
    tell(web, rate=rate, seconds=SECONDS, browsers=BROWSERS)
    submitted = json.loads(await line_of(web))["submitted"]
    seconds = time.monotonic() - began
    used = {name: cpu() - before[name] for name, cpu in shares.items()}
    for each in browsers:
        tell(each, within=LATE)
    said = [json.loads(await line_of(each)) for each in browsers]
    ages = [age * 1000 for each in said for age in each["ages"]] or [float("inf")]
    return {
        "rate": rate,
        "submitted_per_second": submitted / seconds,
        "not_in_time": submitted - sum(each["ended"] for each in said),
        "messages_per_task": sum(each["messages"] for each in said) / submitted,
        "end_age_p50_ms": percentile(ages, 50),
        "end_age_p95_ms": percentile(ages, 95),
        **{f"{name}_cores": cpu / seconds for name, cpu in used.items()},
    }


def tell(to: "subprocess.Popen[str]", **what: float) -> None:
    """A line for another process."""
    assert to.stdin is not None
    to.stdin.write(json.dumps(what) + "\n")
    to.stdin.flush()


async def pid_of_server() -> int:
    """The first process of PostgreSQL, which has started all others."""
    connection = await asyncpg.connect(POSTGRES)
    try:
        backend = Path(f"/proc/{await connection.fetchval('SELECT pg_backend_pid()')}")
        return parent_of(backend)
    finally:
        await connection.close()


def cpu_of(*pids: int) -> float:
    """Seconds of CPU time that these processes have used, with children that have ended."""
    found = (stat_of(Path(f"/proc/{pid}")) for pid in pids)
    return sum(sum(map(int, fields[11:15])) for fields in found if fields) / TICK


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that are there now."""
    found = (path for path in Path("/proc").iterdir() if path.name.isdigit())
    return [int(path.name) for path in found if parent_of(path) == pid]


def parent_of(process: Path) -> int:
    """The process that has started another; 0 if that has ended."""
    fields = stat_of(process)
    return int(fields[1]) if fields else 0


def stat_of(process: Path) -> list[str]:
    """What ``/proc/PID/stat`` says, from the state on."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


if sys.argv[1:2] == ["worker"]:
    sys.exit(work(POSTGRES))
else:
    asyncio.run(main())

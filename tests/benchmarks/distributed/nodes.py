"""Starting the other processes of a measurement."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent


@contextmanager
def process(script: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """A script of this folder, with pipes to and from it; killed at the end."""
    started = subprocess.Popen(
        [sys.executable, HERE / f"{script}.py", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


async def line_of(started: "subprocess.Popen[str]") -> str:
    """The next line that a process says."""
    assert started.stdout is not None
    line = await asyncio.to_thread(started.stdout.readline)
    if not line:
        raise RuntimeError("a process ended too early")
    return line.strip()


async def used_by(web: "subprocess.Popen[str]") -> dict[str, float]:
    """The CPU time and the memory that a web process has used."""
    assert web.stdin is not None
    web.stdin.write("\n")
    web.stdin.flush()
    used: dict[str, float] = json.loads(await line_of(web))
    return used


@asynccontextmanager
async def web_node() -> "AsyncIterator[tuple[subprocess.Popen[str], int]]":
    """A web process and its port."""
    with process("web_node") as started:
        yield started, int(await line_of(started))

"""Uvicorn is stopped in the middle of a task: by Ctrl-C, by a supervisor, by a save. FAULTS 37."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskInfo,
    BackgroundTasksContainer,
    background_task,
)
from tests.hosts import HOSTS
from tests.hosts.scripted import Work, done, worker_of

HERE = Path(__file__).parent
PATIENCE = 30.0
LONG = 600
"""A grace period that no test waits for."""

WAITS = (
    r"waiting up to {} s \(stop_grace\) for 1 running task: ReportTask {}; "
    "press Ctrl-C again to stop now"
)


class Server:
    """One run of uvicorn, in a process group of its own as a shell would start it."""

    def __init__(self, folder: Path, port: int, *options: str, grace: float = LONG) -> None:
        self.folder, self.port = folder, port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "stopped_app:app", f"--port={port}", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(folder), str(HERE.parents[1])]),
                "STOPPED_FOLDER": str(folder),
                "STOPPED_GRACE": str(grace),
            },
        )
        self.log: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self.log.append(line.rstrip("\n"))
                self._news.notify_all()

    def until(self, pattern: str, times: int = 1) -> None:
        """Wait until it has said this so many times."""

        def found() -> bool:
            return sum(re.search(pattern, line) is not None for line in self.log) >= times

        with self._news:
            assert self._news.wait_for(found, PATIENCE), f"never said {pattern!r}: {self.log}"

    def signal(self, number: signal.Signals) -> None:
        """To the whole group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self) -> None:
        """Wait for its end."""
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def task_id(self) -> UUID:
        return UUID((self.folder / "task").read_text())

    def waits(self, grace: float = LONG) -> str:
        return WAITS.format(f"{grace:g}", self.task_id())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stopped_app.py").write_bytes((HOSTS / "stopped_app.py").read_bytes())
    return tmp_path


Serve = Callable[..., Server]


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    started: list[Server] = []

    def serve(*options: str, **more: Any) -> Server:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        started.append(Server(folder, port, *options, **more))
        return started[-1]

    yield serve
    for server in started:
        with contextlib.suppress(ProcessLookupError):
            server.signal(signal.SIGKILL)
        server.end()
        assert server.process.stdout
        server.process.stdout.close()


Look = Callable[[], BackgroundTaskInfo[Any]]


@pytest.fixture
def look(folder: Path) -> Look:
    """What the file says of the task; nothing is run."""

    async def ask() -> BackgroundTaskInfo[Any]:
        container = BackgroundTasksContainer(
            config={"database": str(folder / "tasks.db"), "run_tasks": False},
            tasks=providers.List(background_task(Work, worker_of(done))),
        )
        async with container.manager() as manager:
            info = await manager.try_get_task(UUID((folder / "task").read_text()))
            assert info is not None
            return info

    return lambda: asyncio.run(ask())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_says_at_once_what_it_waits_for_and_a_second_signal_hurries_it(
    serve: Serve, look: Look, number: signal.Signals
) -> None:
    server = serve()
    server.until("begun")
    server.signal(number)
    server.until(server.waits())
    assert server.process.poll() is None
    server.signal(number)
    server.end()
    assert look().status == "Pending"


def test_ctrl_c_after_a_supervisor_s_sigterm_hurries_it(serve: Serve, look: Look) -> None:
    server = serve()
    server.until("begun")
    server.signal(signal.SIGTERM)
    server.until(server.waits())
    server.signal(signal.SIGINT)
    server.end()
    assert look().status == "Pending"


def test_two_signals_while_the_server_waits_for_a_response_end_it_all_the_same(
    serve: Serve, look: Look
) -> None:
    """Uvicorn then does not tell the application at all: it takes its event loop down. That is no
    crash either, however often it is done."""
    for _ in range(4):
        server = serve()
        server.until("begun")
        with httpx.stream("GET", f"http://127.0.0.1:{server.port}/endless") as response:
            parts = response.iter_raw()
            next(parts)
            server.signal(signal.SIGINT)
            server.until("Waiting for connections to close")
            server.signal(signal.SIGINT)
            server.end()
    info = look()
    assert (info.status, info.attempt) == ("Pending", 4)


def test_saving_a_file_again_and_again_never_fails_the_task(
    serve: Serve, look: Look, folder: Path
) -> None:
    server = serve("--reload", "--reload-delay=0.05", grace=0)
    for save in range(1, 6):
        server.until("begun", times=save)
        if save < 5:
            source = folder / "stopped_app.py"
            source.write_text(source.read_text() + f"# saved {save}\n")
            os.utime(source, (time.time() + save, time.time() + save))
    server.signal(signal.SIGINT)
    server.end()
    info = look()
    assert (info.status, info.attempt, info.error_message) == ("Pending", 5, None)


def test_ctrl_c_with_reload_says_what_it_waits_for_and_once_more_stops_it(
    serve: Serve, look: Look
) -> None:
    """The supervisor sends SIGTERM beside: that is no second signal of the user. Where it comes
    before Ctrl-C, uvicorn itself ends at once."""
    server = serve("--reload", "--reload-delay=0.05")
    server.until("begun")
    server.signal(signal.SIGINT)
    server.until(f"{server.waits()}|Stopping reloader process")
    with contextlib.suppress(ProcessLookupError):
        server.signal(signal.SIGINT)
    server.end()
    assert look().status == "Pending"


def test_servers_that_are_stopped_in_every_way_never_fail_the_task(
    serve: Serve, look: Look
) -> None:
    for number in [signal.SIGINT, signal.SIGTERM] * 3:
        server = serve(grace=0)
        server.until("begun")
        server.signal(number)
        server.end()
    info = look()
    assert (info.status, info.attempt, info.error_message) == ("Pending", 6, None)

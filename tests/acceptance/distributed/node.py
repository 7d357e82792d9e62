"""One process of a cluster."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.servers.ports import LOOPBACK, free_port

PATIENCE = 30.0
"""Seconds that anything may take that is expected to happen soon."""

HERE = "tests.acceptance.distributed"


async def until(
    condition: Callable[[], bool], what: Callable[[], object], seconds: float = PATIENCE
) -> None:
    """Wait until ``condition`` holds; fails after a while and says ``what()`` did not come."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what()}")
        await asyncio.sleep(0.01)


class Node:
    """A process that can be ended in every way and started again; what it says goes to a file,
    in which ``ready_when`` says that it does its work. ``prefix`` is a command that runs the rest.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        ready_when: str,
        settings: Mapping[str, str],
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = [*prefix, sys.executable, "-m", *command]
        self._ready_when = ready_when
        self._environment = {
            **os.environ,
            **settings,
            "PYTHONPATH": os.pathsep.join(filter(None, [os.fspath(Path.cwd()), *sys.path])),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """What this life of it has said."""
        return self.log.read_bytes()[self._said_before :].decode(errors="replace")

    def start(self) -> None:
        assert not self.is_alive
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    async def ready(self) -> None:
        """Wait until it does its work."""
        await until(
            lambda: self._ready_when in self.said() or not self.is_alive,
            lambda: f"{self.name} is ready; it said:\n{self.said()}",
        )
        assert self.is_alive, f"{self.name} did not start:\n{self.said()}"

    async def has_said(self, text: str, seconds: float = PATIENCE) -> None:
        await until(
            lambda: text in self.said(),
            lambda: f"{self.name} says {text!r}; it said:\n{self.said()}",
            seconds,
        )

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Its exit code."""
        await until(lambda: not self.is_alive, lambda: f"{self.name} ends:\n{self.said()}", seconds)
        assert self._process is not None
        return self._process.wait()

    def kill(self) -> None:
        """End it at once, whatever it does; harmless when repeated."""
        if self._process is not None:
            self._process.kill()  # this also ends one that is stopped
            self._process.wait()


class WebNode(Node):
    """Hands tasks in and shows them, but runs none."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        settings: Mapping[str, str],
        address: str = LOOPBACK,
        prefix: Sequence[str] = (),
    ) -> None:
        self.address, self.port = address, free_port()
        super().__init__(
            name,
            [f"{HERE}.web_node", address, str(self.port)],
            folder=folder,
            ready_when="Application startup complete",
            settings={**settings, "HOST_RUN_TASKS": "false"},
            prefix=prefix,
        )

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"


class WorkerNode(Node):
    """``python -m bgtasks worker``."""

    def __init__(
        self, name: str, *, folder: Path, settings: Mapping[str, str], prefix: Sequence[str] = ()
    ) -> None:
        super().__init__(
            name,
            ["bgtasks", "worker", "tests.hosts.load_app:application"],
            folder=folder,
            ready_when="runs tasks",
            settings=settings,
            prefix=prefix,
        )

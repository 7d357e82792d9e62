"""The pytest plugin: fixtures for the tests of workers and of code that submits tasks.

pytest loads this module in every run where bgtasks is installed, so it imports next to nothing
before a fixture is used.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bgtasks.manager import BackgroundTaskManager
    from bgtasks.testing.clock import FakeClock

__all__ = ["background_tasks_manager", "fake_clock"]


@pytest.fixture
def fake_clock() -> "FakeClock":
    """A clock that stands still until the test moves it on with ``advance(seconds)``."""
    from bgtasks.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def background_tasks_manager(
    fake_clock: "FakeClock",
) -> "Callable[..., AbstractAsyncContextManager[BackgroundTaskManager]]":
    """Runs a manager in memory, on ``fake_clock``::

    async with background_tasks_manager(container.background_tasks) as manager:
        task_id = await manager.run_task(CopyOperationTask(...))
        assert (await manager.wait_for(task_id)).status is BackgroundTaskStatus.COMPLETED
    """
    from bgtasks.testing.manager_run import running_manager

    return partial(running_manager, clock=fake_clock)

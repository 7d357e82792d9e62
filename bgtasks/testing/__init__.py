"""For developers who test their workers: no server, no file, no sleep."""

from typing import TYPE_CHECKING

from bgtasks.lazy_names import lazy_names

# Imported when it is first used: pytest imports this package in every run, for the plugin in it.
if TYPE_CHECKING:
    from bgtasks.testing.clock import FakeClock
    from bgtasks.testing.manager_run import running_manager
    from bgtasks.testing.ticks import schedule_ticks
    from bgtasks.testing.worker_run import WorkerRun, run_worker

__all__ = ["FakeClock", "WorkerRun", "run_worker", "running_manager", "schedule_ticks"]

_HOMES = {
    "clock": ["FakeClock"],
    "manager_run": ["running_manager"],
    "ticks": ["schedule_ticks"],
    "worker_run": ["WorkerRun", "run_worker"],
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)

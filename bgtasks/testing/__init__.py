"""For developers who test their workers: no server, no file, no sleep."""

from bgtasks.testing.clock import FakeClock
from bgtasks.testing.manager_run import running_manager
from bgtasks.testing.worker_run import WorkerRun, run_worker

__all__ = ["FakeClock", "WorkerRun", "run_worker", "running_manager"]

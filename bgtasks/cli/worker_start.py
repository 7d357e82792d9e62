"""What ``python -m bgtasks worker`` does with its options."""

import argparse
from typing import TYPE_CHECKING, Any

import attrs
from dependency_injector import providers

from bgtasks.cli.exit_deadline import ExitDeadline
from bgtasks.cli.log_setup import set_up_logging
from bgtasks.cli.target import one_task_container, registrations
from bgtasks.cli.usage import UsageError
from bgtasks.cli.worker_check import check_worker
from bgtasks.cli.worker_process import END_WITHIN, run_worker_process
from bgtasks.settings import Settings

if TYPE_CHECKING:  # it has a web server in it, which a worker without --health-port has not
    from bgtasks.cli.worker_health import HealthServer

__all__ = ["start_worker"]


def start_worker(options: argparse.Namespace) -> int:
    """Carry out the command; returns the exit code. Raises UsageError, CommandFailedError, and
    what the application and its database raise."""
    container = one_task_container(options.target)
    if options.check:
        _configure(container, options.target, visits=True, run_tasks=False)
        return check_worker(container)
    set_up_logging(options.log_format, options.log_level)
    changes: dict[str, Any] = {"run_tasks": True}
    if options.concurrency is not None:
        changes["max_concurrency"] = options.concurrency
    if options.types is not None:
        changes["types"] = options.types
    _configure(container, options.target, **changes)
    code = run_worker_process(container, _health_server(container, options))
    # Python waits for threads once more at its end.
    ExitDeadline(END_WITHIN, code)
    return code


def _health_server(container: Any, options: argparse.Namespace) -> "HealthServer | None":
    if options.health_port is None:
        return None
    from bgtasks.cli.worker_health import HealthServer

    return HealthServer(container.manager(), options.health_host, options.health_port)


def _configure(container: Any, target: str, *, visits: bool = False, **changes: Any) -> None:
    """Change settings of ``container``, also where its manager has been made already."""
    registrations(container, target)  # says in words what cannot be registered
    settings: Settings = attrs.evolve(container.settings(), **changes)
    if "://" not in settings.database:
        raise UsageError(
            f"setting 'database' of {target!r} is {settings.database!r}: an embedded database "
            "belongs to the web process, which runs its tasks itself; for worker processes set it "
            "to postgresql://…, and if that is set elsewhere, name a container that has been given "
            "its configuration"
        )
    container.settings.override(providers.Object(settings))
    container.manager().configure(settings, visits=visits)

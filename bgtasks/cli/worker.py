"""``python -m bgtasks worker``: a process that runs tasks and nothing else."""

import argparse
from typing import Any

import attrs
from dependency_injector import providers

from bgtasks.cli.exit_deadline import ExitDeadline
from bgtasks.cli.log_setup import LEVELS, set_up_logging
from bgtasks.cli.target import ACCEPTED, one_task_container, registrations
from bgtasks.cli.usage import UsageError
from bgtasks.cli.worker_check import check_worker
from bgtasks.cli.worker_health import HealthServer
from bgtasks.cli.worker_process import END_WITHIN, run_worker_process
from bgtasks.settings import Settings

__all__ = ["add"]

DESCRIPTION = """\
Run the tasks of an application in a process of their own, until SIGTERM or SIGINT. A second
signal takes the running workers' grace period away, a third ends the process at once. Exit codes:
0 stopped as asked, 1 the database cannot be reached or tasks could not be run any more, 2 what was
given cannot be used."""


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "worker", help="run tasks in this process", description=DESCRIPTION
    )
    parser.add_argument("target", metavar="MODULE:CONTAINER", help=ACCEPTED)
    parser.add_argument("--concurrency", metavar="N", help="attempts running at once")
    parser.add_argument("--types", metavar="A,B", help="run only tasks of these types")
    parser.add_argument(
        "--health-port", type=_port, metavar="P", help="answer GET /health there; 0: any free port"
    )
    parser.add_argument(
        "--health-host", default="127.0.0.1", metavar="H", help="default: %(default)s"
    )
    parser.add_argument("--log-format", choices=("text", "json"), help="default: text")
    parser.add_argument("--log-level", choices=LEVELS, help="default: info")
    parser.add_argument(
        "--check",
        action="store_true",
        help="run nothing; exit with 0 if a live worker process of this host is known to the "
        "database, with 1 if not",
    )
    parser.set_defaults(run=_run)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}; accepted: a port from 0 to 65535")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    container = one_task_container(options.target)
    if options.check:
        # The check itself runs no attempts and prunes nothing.
        _configure(container, options.target, run_tasks=False, retention=None)
        return check_worker(container)
    set_up_logging(options.log_format, options.log_level)
    changes: dict[str, Any] = {"run_tasks": True}
    if options.concurrency is not None:
        changes["max_concurrency"] = options.concurrency
    if options.types is not None:
        changes["types"] = options.types
    _configure(container, options.target, **changes)
    health = None
    if options.health_port is not None:
        health = HealthServer(container.manager(), options.health_host, options.health_port)
    code = run_worker_process(container, health)
    # Python waits for threads once more at its end.
    ExitDeadline(END_WITHIN, code)
    return code


def _configure(container: Any, target: str, **changes: Any) -> None:
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
    container.manager().configure(settings)

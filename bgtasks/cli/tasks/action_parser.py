"""What the commands have in common that reach an application: where it is, and how they end."""

import argparse
import asyncio
import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bgtasks.cli.usage import ACCEPTED, FAILED, FINE, CommandFailedError, UsageError
from bgtasks.errors import (
    NotAllowedError,
    ScheduleNotFoundError,
    TaskNotFoundError,
    UnregisteredTaskError,
)

__all__ = ["add_action"]

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


_CARRIED_OUT_BY = {
    "tasks": "bgtasks.cli.tasks.actions",
    "types": "bgtasks.cli.tasks.type_actions",
    "schedules": "bgtasks.cli.tasks.schedule_actions",
    "stats": "bgtasks.cli.tasks.stats_actions",
    "processes": "bgtasks.cli.tasks.stats_actions",
    "failures": "bgtasks.cli.tasks.failures_actions",
}


def add_action(actions: Any, name: str, description: str) -> argparse.ArgumentParser:
    """Register a command that takes where the application is."""
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=description, description=f"{description.capitalize()}."
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--url",
        help="where the running application mounts background tasks, such as "
        "http://127.0.0.1:8000/background-tasks; default: the environment's BGTASKS_URL",
    )
    where.add_argument(
        "--app",
        metavar="MODULE:CONTAINER",
        help=f"an application whose tasks are in PostgreSQL; {ACCEPTED}; "
        f"default: the environment's BGTASKS_APP",
    )
    parser.add_argument(
        "--header",
        action="append",
        metavar="'NAME: VALUE'",
        help="sent with every request to --url; repeatable; default: the lines of the "
        "environment's BGTASKS_HEADERS",
    )
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    what = options.command.partition(" ")[0]
    _need(what, "rich")
    # Late: without the extra the other commands must work.
    from bgtasks.cli.tasks.opening import opening

    carry_out = importlib.import_module(_CARRIED_OUT_BY[what]).carry_out

    tasks = opening(options)  # imports the application, so not on the event loop
    try:
        return FINE if asyncio.run(carry_out(tasks, options)) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe; the flush of the rest at exit must not fail either.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return FAILED
    except RecursionError:
        raise CommandFailedError("a payload is nested too deeply to be shown") from None
    except (
        TaskNotFoundError,
        ScheduleNotFoundError,
        UnregisteredTaskError,
        NotAllowedError,
    ) as error:
        raise CommandFailedError(str(error)) from None


def _need(command: str, *modules: str) -> None:
    """Raises UsageError where one of the modules is not installed. They are imported by what uses
    them: that takes longer than the rest of a command."""
    for name in modules:
        if find_spec(name) is None:
            raise UsageError(
                f"{name} is not installed, and {command!r} needs it: pip install 'bgtasks-di[cli]'"
            )

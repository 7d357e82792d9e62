"""The options of ``tasks`` and what carries them out."""

import argparse
import asyncio
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from bgtasks.cli.tasks import check, filter_options, values
from bgtasks.cli.usage import ACCEPTED, FAILED, FINE, CommandFailedError, UsageError
from bgtasks.core.record import MAX_PAGE
from bgtasks.errors import NotAllowedError, TaskNotFoundError, UnregisteredTaskError

__all__ = ["TYPE_ACTIONS", "add", "add_types"]

TYPE_ACTIONS = ("list", "pause", "resume")
"""What can be done to types of tasks."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def add(commands: Any) -> None:
    """Register the command and those below it."""
    description = "List, count, show, watch, check, cancel, retry and delete tasks."
    tasks = commands.add_parser("tasks", help=description[:-1].lower(), description=description)
    actions = tasks.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list(actions)
    _add_counts(actions)
    _add_show(actions)
    _add_watch(actions)
    _add_change(actions, "cancel", "ask for the end of tasks")
    _add_change(actions, "retry", "have failed or cancelled tasks run again")
    _add_change(actions, "delete", "drop final tasks, with all that is kept of them")
    again = _add(actions, "run-again", "submit new tasks with the arguments of others")
    again.add_argument("ids", type=values.task_id, metavar="ID", nargs="+")
    check.add(actions)


def add_types(commands: Any) -> None:
    """Register the commands on types of tasks, beside ``types MODULE:CONTAINER``."""
    listing = _add(commands, "types list", "list the types of tasks: what waits and runs, limits")
    listing.add_argument("--json", action="store_true", help="one line of JSON a type")
    pausing = _add(commands, "types pause", "start nothing of a type, in any process")
    pausing.add_argument("type", metavar="TYPE", type=values.text)
    pausing.add_argument("--reason", metavar="TEXT", help="why, for whoever looks")
    resuming = _add(commands, "types resume", "start tasks of a paused type again")
    resuming.add_argument("type", metavar="TYPE", type=values.text)
    for name, parser in zip(TYPE_ACTIONS, (listing, pausing, resuming), strict=True):
        parser.set_defaults(action=name, on_types=True)


def _add_list(actions: Any) -> None:
    parser = _add(actions, "list", "list tasks, newest first")
    filter_options.add(parser)
    parser.add_argument(
        "--limit", type=values.limit, default=50, metavar="N", help=f"1 to {MAX_PAGE:,}; default 50"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON a task")


def _add_counts(actions: Any) -> None:
    parser = _add(actions, "counts", "say how many tasks there are in each status")
    filter_options.add(parser)
    parser.add_argument("--json", action="store_true", help="as one line of JSON")


def _add_show(actions: Any) -> None:
    parser = _add(actions, "show", "show everything about a task")
    parser.add_argument("id", type=values.task_id, metavar="ID")
    parser.add_argument("--json", action="store_true", help="as one line of JSON")


def _add_watch(actions: Any) -> None:
    parser = _add(actions, "watch", "follow a task to its end")
    parser.add_argument("id", type=values.task_id, metavar="ID")
    parser.add_argument("--json", action="store_true", help="one line of JSON an update")


def _add_change(actions: Any, name: str, description: str) -> None:
    parser = _add(actions, name, description)
    parser.add_argument("ids", type=values.task_id, metavar="ID", nargs="*")
    filter_options.add(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many of each type that would be"
    )


def _add(actions: Any, name: str, description: str) -> argparse.ArgumentParser:
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
    parser.set_defaults(run=_run, on_types=False)
    return parser


def _run(options: argparse.Namespace) -> int:
    _need("rich", "httpx")
    # Late: without the extra the other commands must work.
    from bgtasks.cli.tasks import actions, type_actions
    from bgtasks.cli.tasks.opening import opening

    carry_out = type_actions.carry_out if options.on_types else actions.carry_out

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
    except (TaskNotFoundError, UnregisteredTaskError, NotAllowedError) as error:
        raise CommandFailedError(str(error)) from None


def _need(*modules: str) -> None:
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            raise UsageError(
                f"{name} is not installed, and 'tasks' needs it: pip install 'bgtasks-di[cli]'"
            ) from None

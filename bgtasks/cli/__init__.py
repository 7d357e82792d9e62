"""The command line: ``python -m bgtasks COMMAND``, or ``bgtasks COMMAND``.

Each command is a module with ``add(commands)``, which registers its parser and, as ``run``, a
function of the parsed options that returns the exit code (``None``: 0).
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bgtasks import __version__
from bgtasks.cli.usage import (
    FAILED,
    FINE,
    TYPE_ACTIONS,
    UNUSABLE,
    CommandFailedError,
    UsageError,
)
from bgtasks.core.redaction import redact
from bgtasks.errors import BackendError, BackgroundTasksError

__all__ = ["main", "make_parser"]


_COMMANDS = {
    "bgtasks.cli.database:add": {"database": "make, check and fill the tables in PostgreSQL"},
    "bgtasks.cli.openapi:add": {"openapi": "print the OpenAPI document of the HTTP API"},
    "bgtasks.cli.tasks.command:add": {
        "tasks": "list, count, show, watch, check, cancel, retry and delete tasks"
    },
    "bgtasks.cli.types:add": {
        "types": "print the payload types of the registered tasks as TypeScript; "
        "see also types list"
    },
    "bgtasks.cli.tasks.command:add_types": {
        "types list": "list types of tasks: what waits and runs, limits",
        "types pause": "start nothing of a type, in any process",
        "types resume": "start tasks of a paused type again",
    },
    "bgtasks.cli.tasks.schedule_command:add_schedules": {
        "schedules": "list schedules, say when their ticks come, run, pause and resume them"
    },
    "bgtasks.cli.tasks.stats_command:add_stats": {
        "stats": "say how many tasks wait and run, and what needs attention",
        "processes": "list the processes that share the tasks: what runs in them, how they are",
    },
    "bgtasks.cli.tasks.failures_command:add_failures": {
        "failures": "list failures that are the same one, or show what one is about"
    },
    "bgtasks.cli.worker:add": {"worker": "run tasks in this process"},
}
"""What registers which commands, and what is said of each of them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 for success, 1 for a command that failed, 2 for
    arguments that cannot be used, both with the reason on standard error.
    """
    given = _joined(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser(given[0] if given else "")
    options = parser.parse_args(given)
    try:
        return options.run(options) or FINE
    except (CommandFailedError, BackendError) as error:
        return _refuse(parser, options, error, FAILED)
    except (UsageError, BackgroundTasksError) as error:
        return _refuse(parser, options, error, UNUSABLE)


def _joined(arguments: Sequence[str]) -> Sequence[str]:
    """``types list|pause|resume`` are commands of two words, beside ``types MODULE:CONTAINER``."""
    if len(arguments) > 1 and arguments[0] == "types" and arguments[1] in TYPE_ACTIONS:
        return [" ".join(arguments[:2]), *arguments[2:]]
    return arguments


def _refuse(
    parser: argparse.ArgumentParser, options: argparse.Namespace, error: Exception, code: int
) -> int:
    sys.stderr.write(f"{parser.prog} {options.command}: {error}\n")
    return code


class _Parser(argparse.ArgumentParser):
    """Quotes arguments that it doesn't understand, but not a password in them."""

    def error(self, message: str) -> NoReturn:
        super().error(redact(message))


def _program() -> str:
    """How this was started: by the script that is installed, or as a module."""
    return "bgtasks" if Path(sys.argv[0]).stem == "bgtasks" else "python -m bgtasks"


def make_parser(command: str = "") -> argparse.ArgumentParser:
    """The parser of the commands that begin with a word; if none does, of what there are. Others
    are not imported: that would take longer than most commands do."""
    parser = _Parser(prog=_program(), description="Tools for applications with background tasks.")
    parser.add_argument("--version", action="version", version=f"bgtasks {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    word = _first_word(command)
    homes = [home for home, said in _COMMANDS.items() if word in map(_first_word, said)]
    for home in homes:
        module, _, function = home.partition(":")
        getattr(importlib.import_module(module), function)(commands)
    if not homes:
        for said in _COMMANDS.values():
            for name, text in said.items():
                commands.add_parser(name, help=text)
    return parser


def _first_word(command: str) -> str:
    return command.partition(" ")[0]

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

__all__ = ["main"]


_COMMANDS = {
    "bgtasks.cli.database:add": ("database",),
    "bgtasks.cli.openapi:add": ("openapi",),
    "bgtasks.cli.tasks.command:add": ("tasks",),
    "bgtasks.cli.types:add": ("types",),
    "bgtasks.cli.tasks.command:add_types": ("types",),
    "bgtasks.cli.tasks.schedule_command:add_schedules": ("schedules",),
    "bgtasks.cli.tasks.stats_command:add_stats": ("stats", "processes"),
    "bgtasks.cli.tasks.failures_command:add_failures": ("failures",),
    "bgtasks.cli.worker:add": ("worker",),
}
"""What registers which commands, by their first words."""


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
    """The parser of one command, or of all if there is none of this name. Those of other commands
    are not imported: that would take longer than most commands do."""
    parser = _Parser(prog=_program(), description="Tools for applications with background tasks.")
    parser.add_argument("--version", action="version", version=f"bgtasks {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    if command == "--version":
        return parser
    word = command.partition(" ")[0]
    for home, words in _COMMANDS.items():
        if word in words or not any(word in each for each in _COMMANDS.values()):
            module, _, function = home.partition(":")
            getattr(importlib.import_module(module), function)(commands)
    return parser

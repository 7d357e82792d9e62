"""The command line: ``python -m bgtasks COMMAND``, or ``bgtasks COMMAND``.

Each command is a module with ``add(commands)``, which registers its parser and, as ``run``, a
function of the parsed options that returns the exit code (``None``: 0).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bgtasks import __version__
from bgtasks.cli import database, openapi, tasks, types, worker
from bgtasks.cli.tasks import TYPE_ACTIONS
from bgtasks.cli.usage import FAILED, FINE, UNUSABLE, CommandFailedError, UsageError
from bgtasks.core.redaction import redact
from bgtasks.errors import BackendError, BackgroundTasksError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 for success, 1 for a command that failed, 2 for
    arguments that cannot be used, both with the reason on standard error.
    """
    parser = make_parser()
    options = parser.parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
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


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_program(), description="Tools for applications with background tasks.")
    parser.add_argument("--version", action="version", version=f"bgtasks {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    database.add(commands)
    openapi.add(commands)
    tasks.add(commands)
    types.add(commands)
    tasks.add_types(commands)
    tasks.add_schedules(commands)
    worker.add(commands)
    return parser

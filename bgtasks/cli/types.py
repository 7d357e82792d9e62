"""``python -m bgtasks types``: the payload types of the registered tasks as TypeScript."""

import argparse
import sys
from pathlib import Path
from typing import Any

from bgtasks.cli.usage import ACCEPTED, UsageError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "types",
        help="print the payload types of the registered tasks as TypeScript; see also types list",
        description="Print the payload types of the registered tasks as TypeScript.",
    )
    parser.add_argument("target", metavar="MODULE:CONTAINER", help=ACCEPTED)
    parser.add_argument("--output", metavar="FILE", help="write to this file instead")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from bgtasks.cli.target import registrations, task_containers
    from bgtasks.cli.typescript.declarations import typescript

    target = options.target
    registered = [
        item for container in task_containers(target) for item in registrations(container, target)
    ]
    text = typescript(registered, f"python -m bgtasks types {target}")
    if options.output is None:
        sys.stdout.write(text)
        return
    try:
        Path(options.output).write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"--output {options.output}: {error.strerror}") from error

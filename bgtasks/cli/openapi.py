"""``bgtasks openapi``: the OpenAPI document of the HTTP API."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bgtasks.cli.usage import ACCEPTED, UsageError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "openapi",
        help="print the OpenAPI document of the HTTP API",
        description="Print the OpenAPI 3.1 document of the HTTP API, with the types of the "
        "registered tasks. A running application answers with it at api/openapi.json.",
    )
    parser.add_argument("target", metavar="MODULE:CONTAINER", help=ACCEPTED)
    parser.add_argument(
        "--mounted-at",
        metavar="PATH",
        default="/background-tasks",
        help="the path or the URL at which the API is mounted (default: %(default)s)",
    )
    parser.add_argument("--output", metavar="FILE", help="write to this file instead")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from bgtasks.cli.target import one_task_container

    document = one_task_container(options.target).asgi_app().openapi(options.mounted_at)
    text = json.dumps(document, indent=2) + "\n"
    if options.output is None:
        sys.stdout.write(text)
        return
    try:
        Path(options.output).write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"--output {options.output}: {error.strerror}") from error

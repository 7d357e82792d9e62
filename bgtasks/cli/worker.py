"""``python -m bgtasks worker``: a process that runs tasks and nothing else."""

import argparse
from typing import Any

from bgtasks.cli.log_setup import LEVELS
from bgtasks.cli.usage import ACCEPTED

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
    from bgtasks.cli.worker_start import start_worker

    return start_worker(options)

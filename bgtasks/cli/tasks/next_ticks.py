"""``schedules next``: when the next ticks of a schedule come, from the code alone."""

import argparse
import os
import sys
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from bgtasks.cli.tasks import values
from bgtasks.cli.usage import ACCEPTED, UsageError

__all__ = ["add"]

MOST = 1_000


def add(actions: Any) -> None:
    """Register the command."""
    parser = actions.add_parser(
        "next",
        help="say when the next ticks of a schedule come",
        description="Say when the next ticks of a schedule come, by what the application "
        "registers: nothing is started, and no database is asked.",
    )
    parser.add_argument("name", metavar="NAME", type=values.schedule_name)
    parser.add_argument(
        "-n",
        dest="count",
        metavar="N",
        type=values.whole_number(MOST),
        default=10,
        help=f"how many, 1 to {MOST:,}; default 10",
    )
    parser.add_argument(
        "--after",
        metavar="TIME",
        type=values.time,
        help="those after this time, such as 2026-03-28, in place of now",
    )
    parser.add_argument(
        "--app",
        metavar="MODULE:CONTAINER",
        help=f"{ACCEPTED}; default: the environment's BGTASKS_APP",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from bgtasks.cli.target import one_task_container, schedules

    target = options.app or os.environ.get("BGTASKS_APP")
    if not target:
        raise UsageError("which schedules? Give --app MODULE:CONTAINER")
    spec = schedules(one_task_container(target), target).get(options.name).spec
    for tick in islice(spec.ticks(options.after or datetime.now(UTC)), options.count):
        sys.stdout.write(_line(tick, spec.timezone))


def _line(tick: datetime, timezone: str) -> str:
    """A tick as the clocks of its zone show it, the zone, and the same in UTC."""
    local = tick if timezone == "UTC" else tick.astimezone(ZoneInfo(timezone))
    return f"{local.isoformat()}\t{timezone}\t{tick:%Y-%m-%dT%H:%M:%SZ}\n"

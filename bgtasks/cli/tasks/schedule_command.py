"""The options of ``schedules``."""

from typing import Any

from bgtasks.cli.tasks import next_ticks, values
from bgtasks.cli.tasks.action_parser import add_action

__all__ = ["add_schedules"]


def add_schedules(commands: Any) -> None:
    """Register the command and those below it."""
    description = "List schedules, say when their ticks come, run, pause and resume them."
    parser = commands.add_parser(
        "schedules", help=description[:-1].lower(), description=description
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = add_action(actions, "list", "list schedules: when they tick, and what came of it")
    listing.add_argument("--json", action="store_true", help="one line of JSON a schedule")
    next_ticks.add(actions)
    for name, description in (
        ("run", "submit a task of a schedule now"),
        ("pause", "let no tick of a schedule submit a task, until it is resumed"),
        ("resume", "go on with a paused schedule, at its next tick"),
    ):
        action = add_action(actions, name, description)
        action.add_argument("name", metavar="NAME", type=values.schedule_name)

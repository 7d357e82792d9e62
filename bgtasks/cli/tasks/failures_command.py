"""The options of ``failures``."""

from typing import Any

from bgtasks.cli.tasks import values
from bgtasks.cli.tasks.action_parser import add_action

__all__ = ["add_failures"]


def add_failures(commands: Any) -> None:
    """Register the command."""
    command = add_action(
        commands, "failures", "list failures that are the same one, or show what one is about"
    )
    command.add_argument(
        "group",
        metavar="GROUP",
        type=values.group,
        nargs="?",
        help="show this one: who has it, and how many of those that have the same argument, owner "
        "or process; its first letters are enough",
    )
    command.add_argument(
        "--since",
        metavar="TIME",
        type=values.time,
        help="what failed from then on: 2h (ago), 2026-01-31T09:00; default: a day ago",
    )
    command.add_argument("--until", metavar="TIME", type=values.time, help="what failed before")
    command.add_argument("--type", metavar="NAME", type=values.text, help="only of this type")
    command.add_argument(
        "--by",
        action="append",
        metavar="WHAT",
        type=values.text,
        help="tell the tasks of GROUP apart by this: owner, process, or args.PATH such as "
        "args.options.size; repeatable; default: owner, process and the first arguments",
    )
    command.add_argument("--json", action="store_true", help="JSON, as the HTTP API has it")

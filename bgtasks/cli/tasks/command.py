"""The options of ``tasks`` and what carries them out."""

from typing import Any

from bgtasks.cli.tasks import check, filter_options, values
from bgtasks.cli.tasks.action_parser import add_action
from bgtasks.cli.usage import TYPE_ACTIONS
from bgtasks.core.query import NEWEST_FIRST, SORTS
from bgtasks.core.record import MAX_PAGE

__all__ = ["add", "add_types"]


def add(commands: Any) -> None:
    """Register the command and those below it."""
    description = "List, count, show, watch, check, cancel, retry and delete tasks."
    tasks = commands.add_parser("tasks", help=description[:-1].lower(), description=description)
    actions = tasks.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list(actions)
    _add_counts(actions)
    _add_show(actions)
    _add_watch(actions)
    _add_logs(actions)
    _add_change(actions, "cancel", "ask for the end of tasks")
    _add_change(actions, "retry", "have failed or cancelled tasks run again")
    _add_change(actions, "delete", "drop final tasks, with all that is kept of them")
    again = add_action(actions, "run-again", "submit new tasks with the arguments of others")
    again.add_argument("ids", type=values.task_id, metavar="ID", nargs="+")
    _add_run(actions)
    _add_top(actions)
    check.add(actions)


def add_types(commands: Any) -> None:
    """Register the commands on types of tasks, beside ``types MODULE:CONTAINER``."""
    listing = add_action(commands, "types list", "list types of tasks: what waits and runs, limits")
    listing.add_argument("--json", action="store_true", help="one line of JSON a type")
    pausing = add_action(commands, "types pause", "start nothing of a type, in any process")
    pausing.add_argument("type", metavar="TYPE", type=values.text)
    pausing.add_argument("--reason", metavar="TEXT", help="why, for whoever looks")
    resuming = add_action(commands, "types resume", "start tasks of a paused type again")
    resuming.add_argument("type", metavar="TYPE", type=values.text)
    for name, parser in zip(TYPE_ACTIONS, (listing, pausing, resuming), strict=True):
        parser.set_defaults(action=name)


def _add_list(actions: Any) -> None:
    parser = add_action(actions, "list", "list tasks, newest first")
    filter_options.add(parser)
    parser.add_argument(
        "--limit", type=values.limit, default=50, metavar="N", help=f"1 to {MAX_PAGE:,}; default 50"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON a task")
    parser.add_argument(
        "--sort", choices=SORTS, default=NEWEST_FIRST, help="by which time; - is the newest first"
    )
    parser.add_argument(
        "-w", "--watch", action="store_true", help="on a terminal: keep it up to date until Ctrl-C"
    )
    parser.add_argument("--include", choices=["payload"], help="what --json has beside the rest")


def _add_run(actions: Any) -> None:
    parser = add_action(actions, "run", "submit a task, and say its id; needs --app")
    parser.add_argument("type", metavar="TYPE", type=values.text)
    parser.add_argument(
        "arguments",
        metavar="JSON",
        type=values.json_object,
        nargs="?",
        default={},
        help='its arguments, keys in camelCase, such as \'{"share": "photos"}\'',
    )
    parser.add_argument("--owner", metavar="NAME", type=values.text, help="whose it is")


def _add_top(actions: Any) -> None:
    parser = add_action(actions, "top", "show what runs, again and again, until Ctrl-C")
    parser.add_argument(
        "--every",
        metavar="SECONDS",
        type=values.whole_number(3600),
        default=2,
        help="seconds between two looks, 1 to 3,600; default 2",
    )


def _add_counts(actions: Any) -> None:
    parser = add_action(actions, "counts", "say how many tasks there are in each status")
    filter_options.add(parser)
    parser.add_argument("--json", action="store_true", help="as one line of JSON")


def _add_show(actions: Any) -> None:
    parser = add_action(actions, "show", "show everything about a task")
    parser.add_argument("id", type=values.task_id, metavar="ID")
    parser.add_argument("--json", action="store_true", help="as one line of JSON")


def _add_watch(actions: Any) -> None:
    parser = add_action(actions, "watch", "follow a task to its end")
    parser.add_argument("id", type=values.task_id, metavar="ID")
    parser.add_argument("--json", action="store_true", help="one line of JSON an update")


def _add_logs(actions: Any) -> None:
    parser = add_action(actions, "logs", "show the log of a task")
    parser.add_argument("id", type=values.task_id, metavar="ID")
    parser.add_argument("-f", "--follow", action="store_true", help="until the task is final")
    parser.add_argument(
        "--after",
        type=values.line_number,
        default=0,
        metavar="N",
        help="only lines behind this number",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON a line")


def _add_change(actions: Any, name: str, description: str) -> None:
    parser = add_action(actions, name, description)
    parser.add_argument("ids", type=values.task_id, metavar="ID", nargs="*")
    filter_options.add(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many of each type that would be"
    )

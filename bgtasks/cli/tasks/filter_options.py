"""The options that say which tasks are meant."""

import argparse
from typing import get_args

from bgtasks.cli.tasks import values
from bgtasks.cli.usage import UsageError
from bgtasks.core.record import View
from bgtasks.core.task_filter import TaskFilter
from bgtasks.models import UNSET, BackgroundTaskStatus

__all__ = ["add", "check_choice", "filter_in"]


def add(parser: argparse.ArgumentParser) -> None:
    """Register the options."""
    parser.add_argument(
        "--type",
        action="append",
        metavar="NAME",
        type=values.text,
        help="only of this type; repeatable",
    )
    parser.add_argument(
        "--status",
        action="extend",
        metavar="STATUS",
        type=values.statuses,
        help=f"only these, repeated or separated by commas: {', '.join(BackgroundTaskStatus)}",
    )
    parser.add_argument(
        "--owner",
        action="append",
        metavar="NAME",
        type=values.text,
        help="only of this owner, empty for none; repeatable",
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=values.time,
        help="only those submitted from then on: 2h (ago), '7 days', 2026-01-31T09:00",
    )
    parser.add_argument(
        "--until", metavar="TIME", type=values.time, help="only those submitted before then"
    )
    parser.add_argument(
        "--search",
        metavar="WORDS",
        type=values.text,
        help="only those with each of these words in their name, messages or arguments, or as the "
        "beginning of their id",
    )
    parser.add_argument(
        "--arg",
        action="append",
        metavar="PATH=VALUE",
        type=values.argument,
        help="only those with this argument, such as share=photos or options.size=3; repeatable",
    )
    parser.add_argument(
        "--error",
        metavar="GROUP",
        type=values.text,
        help="only those whose newest failure is this one; see failures",
    )
    parser.add_argument(
        "--view", choices=get_args(View), help="only those that wait, by what they wait for"
    )


def filter_in(options: argparse.Namespace) -> TaskFilter:
    """The filter that the options ask for. Raises QueryError."""
    owners = UNSET if options.owner is None else [owner or None for owner in options.owner]
    return TaskFilter(
        type=UNSET if options.type is None else options.type,
        status=UNSET if options.status is None else options.status,
        owner=owners,
        created_after=options.since,
        created_before=options.until,
        q=options.search,
        arguments=dict(options.arg or ()),
        view=options.view,
        error=options.error,
    )


def check_choice(options: argparse.Namespace) -> None:
    """Raises UsageError unless the tasks are said either by their ids or by a filter."""
    by_filter = not filter_in(options).is_everything
    if options.ids and (by_filter or options.dry_run):
        raise UsageError("ids and options that say which tasks are both given; give one of them")
    if not options.ids and not by_filter:
        raise UsageError(
            "which tasks? Give their ids, or options such as --type, --status, --since; for all of "
            "them: --since 1970-01-01"
        )

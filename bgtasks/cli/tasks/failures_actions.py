"""``failures``: which there are, and what the tasks of one have in common."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from bgtasks.cli.tasks.client import FailureRange, TaskClient
from bgtasks.cli.tasks.opening import Opening
from bgtasks.cli.tasks.screen import Screen, utc_text
from bgtasks.cli.tasks.table import Cell, Column, Styled
from bgtasks.cli.usage import CommandFailedError, UsageError
from bgtasks.errors import NotAllowedError, TaskNotFoundError
from bgtasks.models import FailureFacet, FailureGroup

__all__ = ["carry_out"]

MOST_ARGUMENTS = 5
"""By how many arguments tasks are told apart unless somebody says by which."""

Facets = Mapping[str, Sequence[FailureFacet]]

_COLUMNS = (
    Column("GROUP"),
    Column("ERROR", cut=True),
    Column("FAILED", right=True),
    Column("RECOVERED", right=True),
    Column("LAST"),
    Column("TYPES", cut=True),
    Column("MESSAGE", cut=True),
)


async def carry_out(tasks: Opening, options: argparse.Namespace) -> bool:
    """Do what ``options`` ask for; returns whether all of it succeeded."""
    screen = Screen()
    wanted = FailureRange(start=options.since, end=options.until, type_name=options.type)
    if options.by and options.group is None:
        raise UsageError("--by tells the tasks of one failure apart; name its GROUP")
    async with tasks as client:
        groups = await client.failures(wanted)
        if options.group is None:
            _list(screen, groups, options.json)
        else:
            group = _meant(groups, options.group)
            facets = await _facets(client, group, options.by, wanted)
            _show(screen, group, facets, options.json)
    return True


def _list(screen: Screen, groups: Sequence[FailureGroup], as_json: bool) -> None:
    """As a table on a terminal, elsewhere as one line a failure with tabs between group, error,
    how many are still failed, recovered and retrying, first, last, types, place and message."""
    if as_json:
        for group in groups:
            screen.json(screen.data_of(group))
    elif screen.is_terminal and not groups:
        screen.line("no failures")
    elif screen.is_terminal:
        screen.table(_COLUMNS, map(_row, groups))
    else:
        for group in groups:
            screen.columns(*_whole_row(group))


def _row(group: FailureGroup) -> tuple[Cell, ...]:
    return (
        group.group,
        Styled(group.error_type, "bold red"),
        str(group.still_failed),
        str(group.recovered),
        utc_text(group.last_at),
        ", ".join(group.types),
        group.sample,
    )


def _whole_row(group: FailureGroup) -> tuple[str, ...]:
    return (
        group.group,
        group.error_type,
        *map(str, (group.still_failed, group.recovered, group.retrying)),
        utc_text(group.first_at),
        utc_text(group.last_at),
        ",".join(group.types),
        group.frame or "",
        group.sample,
    )


def _meant(groups: Sequence[FailureGroup], given: str) -> FailureGroup:
    """The group that begins so. Raises CommandFailedError where there is none, or several."""
    meant = [group for group in groups if group.group.startswith(given)]
    if not meant:
        raise CommandFailedError(
            f"there is no failure {given} in this time; --since asks for an earlier one"
        )
    if len(meant) > 1:
        names = ", ".join(group.group for group in meant)
        raise CommandFailedError(f"{given} may be several failures: {names}")
    return meant[0]


async def _facets(
    client: TaskClient, group: FailureGroup, by: Sequence[str] | None, wanted: FailureRange
) -> Facets:
    if by is None:
        by = [*await _arguments(client, group.sample_task), "owner", "process"]
    return {one: await client.failure_facets(group.group, one, wanted) for one in by}


async def _arguments(client: TaskClient, task_id: UUID) -> list[str]:
    """Those of the failed task that are plain values; none where they may not be seen."""
    try:
        _, details = await client.get_with_details(task_id)
    except (TaskNotFoundError, NotAllowedError):
        return []
    arguments: Mapping[str, Any] = {} if details is None else details.arguments
    plain = [
        name
        for name, value in arguments.items()
        if isinstance(value, str | int | float | bool) and "." not in name
    ]
    return [f"args.{name}" for name in plain[:MOST_ARGUMENTS]]


def _show(screen: Screen, group: FailureGroup, facets: Facets, as_json: bool) -> None:
    """As lines with tabs between a name and its value; of a facet what is told apart, how many
    failed, of how many, and the value."""
    if as_json:
        found = {by: [*map(screen.data_of, items)] for by, items in facets.items()}
        screen.json({**screen.data_of(group), "facets": found})
        return
    for name, value in _fields(group):
        screen.columns(name, value)
    for by, items in facets.items():
        if _tells_something(by, items):
            for item in items:
                of = "?" if item.total is None else str(item.total)
                value = "(none)" if item.value is None else _text(item.value)
                screen.columns(f"by {by.removeprefix('args.')}", f"{item.failed} of {of}", value)


def _fields(group: FailureGroup) -> Iterator[tuple[str, str]]:
    yield "group", group.group
    yield "error", group.error_type
    yield "message", group.sample
    if group.frame is not None:
        yield "raised at", group.frame
    yield "types", ", ".join(group.types)
    yield "still failed", str(group.still_failed)
    yield "recovered", str(group.recovered)
    yield "retrying", str(group.retrying)
    yield "first", utc_text(group.first_at)
    yield "last", utc_text(group.last_at)
    yield "a task", str(group.sample_task)


def _tells_something(by: str, items: Sequence[FailureFacet]) -> bool:
    """Not where each task has a value of its own."""
    return len(items) <= 3 or by in ("owner", "process") or any(it.failed > 1 for it in items)


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

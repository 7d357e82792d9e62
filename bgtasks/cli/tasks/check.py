"""``tasks check``: whether the waiting tasks could be run by the present code."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.usage import ACCEPTED, FAILED, FINE, UsageError
from bgtasks.errors import BackgroundTasksError

if TYPE_CHECKING:  # the options of other commands are known without these
    from bgtasks.core.record import TaskRecord
    from bgtasks.registry import Registry

__all__ = ["add"]

BATCH = 200
"""Tasks that are read at a time; each may have arguments of 2 MB."""


def add(actions: Any) -> None:
    """Register the command."""
    parser = actions.add_parser(
        "check",
        help="say which waiting tasks the present code could not run",
        description="Read all waiting tasks with the present code, run none, and list those that "
        "would fail. Exits with 1 if there are any: a line for a deployment pipeline.",
    )
    parser.add_argument("target", metavar="MODULE:CONTAINER", help=ACCEPTED)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from bgtasks.cli.target import one_task_container, registrations

    container = one_task_container(options.target)
    registrations(container, options.target)  # says what is wrong with them
    database, check = container.settings().database, _Check(container.registry(), container.codec())
    if database == ":memory:":
        raise UsageError("the tasks of ':memory:' are gone with their process: nothing is kept")
    if "://" in database:
        asyncio.run(_check_server(database, check))
    else:
        _check_file(database, check)
    sys.stdout.write(check.summary)
    return FAILED if check.failing else FINE


def _check_file(path: str, check: "_Check") -> None:
    from bgtasks.backends.embedded.contents import FileContents

    with FileContents(path) as contents:
        for batch in contents.batches(BATCH):
            check.look_at(record for record, _ in batch if record.status == "Pending")


async def _check_server(url: str, check: "_Check") -> None:
    from bgtasks.cli.database_work import waiting_tasks  # needs the extra

    async for batch in waiting_tasks(url, BATCH):
        check.look_at(batch)


class _Check:
    """Tries tasks, says which would fail, and counts."""

    def __init__(self, registry: "Registry", codec: Any) -> None:
        self._registry = registry
        self._codec = codec
        self._checked = 0
        self.failing = 0

    def look_at(self, records: "Iterable[TaskRecord]") -> None:
        for line in self._problems(records):
            self.failing += 1
            sys.stdout.write(f"{line}\n")

    @property
    def summary(self) -> str:
        tasks = "1 waiting task" if self._checked == 1 else f"{self._checked:,} waiting tasks"
        failing = f"{self.failing:,}" if self.failing else "none"
        return f"{tasks} read: {failing} would fail\n"

    def _problems(self, records: "Iterable[TaskRecord]") -> Iterator[str]:
        for record in records:
            self._checked += 1
            if (problem := self._problem(record)) is not None:
                yield one_line(f"{record.id} {record.type}, version {record.version}: {problem}")

    def _problem(self, record: "TaskRecord") -> str | None:
        registration = self._registry.named(record.type)
        if registration is None:
            return "no worker is registered for this type"
        try:
            registration.task_of(record, self._codec)
        except BackgroundTasksError as error:
            return str(error)
        return None

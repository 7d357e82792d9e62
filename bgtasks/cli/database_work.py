"""What ``python -m bgtasks database`` does; needs the extra ``postgres``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bgtasks.backends.embedded.contents import FileContents
from bgtasks.backends.postgres import migrations, rows
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.importing import Imported, import_tasks
from bgtasks.backends.postgres.importing_state import import_pauses, import_schedules
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.cli.usage import CommandFailedError, UsageError
from bgtasks.clock import SystemClock
from bgtasks.core.record import TaskRecord
from bgtasks.registry import Registry

__all__ = ["check", "import_file", "upgrade", "waiting_tasks"]

BATCH = 500
"""Tasks moved in one transaction."""

CONNECTIONS = 2


def upgrade(url: str) -> str:
    """Upgrade the tables to this release; returns what was done. Raises BackendError."""

    async def work() -> str:
        async with _opened(url) as database:
            done = await migrations.upgrade(database)
        if not done:
            return f"{database.name} has what this release needs; nothing was to be done"
        return "\n".join([f"{database.name} was upgraded:", *(f"  {item}" for item in done)])

    return asyncio.run(work())


def check(url: str) -> str:
    """Check the tables and say that they can be used. Raises SchemaVersionError if they can't."""

    async def work() -> str:
        async with _opened(url) as database:
            await migrations.check(database)
        return f"{database.name} has what this release needs"

    return asyncio.run(work())


def import_file(path: str, url: str, registry: Registry | None) -> str:
    """Move the tasks of an SQLite file; returns the counts. Raises BackendError."""
    with FileContents(path) as contents:
        if registry is None and contents.is_any_running():
            raise UsageError(
                f"{path} has tasks that a crash cut off, and only their registration says whether "
                "such a task may run again: give MODULE:CONTAINER instead of --url, or start and "
                "stop the application once more with the file"
            )
        return asyncio.run(_import(contents, path, url, registry))


async def waiting_tasks(url: str, size: int) -> AsyncIterator[list[TaskRecord]]:
    """All waiting tasks with their data, ``size`` at a time. Raises BackendError."""
    async with _opened(url) as database:
        await migrations.check(database)
        after = -1
        while found := await database.fetch(STATEMENTS["whole_waiting_tasks"], after, size):
            records = [rows.record_of(row) for row in found]
            yield records
            after = records[-1].sequence


async def _import(contents: FileContents, path: str, url: str, registry: Registry | None) -> str:
    async with _opened(url) as database:
        await migrations.check(database)
        paused, schedules = contents.paused(), contents.schedules()
        await import_pauses(database, paused)  # before there is anything that could start
        imported = await import_tasks(
            database, contents.batches(BATCH), registry, SystemClock().now
        )
        await import_schedules(database, schedules)
    summary = _summary(imported, path, database.name)
    if paused or schedules:
        summary += f"; paused types: {len(paused):,}, schedules: {len(schedules):,}"
    return summary


def _summary(imported: Imported, path: str, name: str) -> str:
    noun = "task" if imported.moved == 1 else "tasks"
    text = (
        f"{imported.moved:,} {noun} moved from {path} to {name}: {imported.waiting:,} waiting, "
        f"{imported.final:,} final"
    )
    if imported.cut_off:
        text += f"; {imported.cut_off:,} of them had been cut off by a crash"
    return f"{text}; {imported.known:,} were there already"


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, CONNECTIONS)
    try:
        await database.open()
        try:
            yield database
        finally:
            await database.close()
    except SERVER_ERRORS as error:
        reason = str(error) or type(error).__name__
        raise CommandFailedError(f"PostgreSQL at {database.name}: {reason}") from error

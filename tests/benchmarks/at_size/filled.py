"""Databases that are filled with tasks."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg

from at_size.ended_tasks import EndedTasks
from bgtasks.backends import columns
from bgtasks.backends.beside import KINDS, SideTable
from bgtasks.backends.columns import Columns
from bgtasks.backends.embedded import rows as embedded_rows
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.postgres import rows as postgres_rows
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.migrations import upgrade
from bgtasks.core.attempts import AttemptRow

__all__ = ["fill_file", "fill_tables"]

BATCH = 20_000

_ATTEMPTS = next(kind for kind in KINDS if kind.row is AttemptRow)


def fill_file(path: Path, tasks: EndedTasks) -> None:
    """Make an SQLite file of these tasks."""
    connection = open_database(str(path))
    connection.execute("PRAGMA synchronous = OFF")
    attempts = SideTable(_ATTEMPTS, embedded_rows.TYPES)
    into_tasks = _insert("tasks", embedded_rows.NUMBERED.names)
    into_attempts = _insert(attempts.name, attempts.names)
    made = iter(tasks)
    while batch := list(islice(made, BATCH)):
        connection.execute("BEGIN")
        connection.executemany(
            into_tasks, (embedded_rows.NUMBERED.encode(record) for record, _ in batch)
        )
        connection.executemany(
            into_attempts,
            (
                (record.sequence, *attempts.columns.encode(row))
                for record, row in batch
                if row is not None
            ),
        )
        connection.execute("COMMIT")
    connection.executemany(
        _insert("minutes", ("minute", "type", "flow", "bucket", "number")), _counted(tasks)
    )
    connection.execute("DELETE FROM statistics")
    connection.execute(
        "INSERT INTO statistics VALUES (?)", (embedded_rows.from_time(tasks.known_since),)
    )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _insert(table: str, names: Any) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _counted(tasks: EndedTasks) -> Iterator[tuple[int, str, int, int, int]]:
    for key, number in sorted(tasks.flows.items()):
        yield (*key, number)


async def fill_tables(url: str, tasks: EndedTasks) -> None:
    """Make the tables of an empty PostgreSQL database, and fill them with these tasks."""
    database = Database(url)
    await database.open()
    await upgrade(database)
    await database.close()
    connection = await asyncpg.connect(url)
    try:
        attempts = await _copy_tasks(connection, tasks)
        await _copy_attempts(connection, attempts)
        await _copy_flows(connection, tasks)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


async def _copy_tasks(connection: Any, tasks: EndedTasks) -> list[tuple[int, AttemptRow]]:
    written = Columns(("sequence", *columns.INSERTED), postgres_rows.TYPES)
    attempts: list[tuple[int, AttemptRow]] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for record, row in tasks:
            if row is not None:
                attempts.append((record.sequence, row))
            yield (0, *written.encode(record))

    await connection.copy_records_to_table(
        "bgtasks_tasks", columns=("job", *written.names), records=rows()
    )
    await connection.fetchval(
        "SELECT pg_catalog.setval(pg_get_serial_sequence('bgtasks_tasks', 'sequence'), $1)",
        tasks.number,
    )
    return attempts


async def _copy_attempts(connection: Any, rows: list[tuple[int, AttemptRow]]) -> None:
    table = SideTable(_ATTEMPTS, postgres_rows.TYPES, "bgtasks_")
    await connection.copy_records_to_table(
        table.name,
        columns=table.names,
        records=((task, *table.columns.encode(row)) for task, row in rows),
    )


async def _copy_flows(connection: Any, tasks: EndedTasks) -> None:
    await connection.execute("TRUNCATE bgtasks_flows")  # tasks that ended elsewhere, by the trigger
    await connection.copy_records_to_table(
        "bgtasks_minutes",
        columns=("minute", "type", "flow", "bucket", "number"),
        records=_counted(tasks),
    )
    await connection.execute("DELETE FROM bgtasks_statistics")
    await connection.execute(
        "INSERT INTO bgtasks_statistics (known_since) VALUES ($1)", tasks.known_since
    )

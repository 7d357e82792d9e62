"""Tasks that were kept elsewhere move in, with all that is known of them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from attrs import define

from bgtasks.backends.beside import fit
from bgtasks.backends.cutting_off import taken_back
from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.tables import NOBODY, Tables
from bgtasks.core.lifecycle import Change
from bgtasks.core.record import KeptTask, TaskRecord
from bgtasks.core.text import MAX_MESSAGE, MAX_NAME, clean
from bgtasks.models import BackgroundTaskStatus
from bgtasks.registry import Registry

__all__ = ["Imported", "import_tasks"]

CUT_OFF = "its process had ended without a word when its tasks were moved to PostgreSQL"


@define
class Imported:
    """What became of the tasks: how many wait, how many are final, how many of both were cut off
    by a crash before, and how many had been there already."""

    waiting: int = 0
    final: int = 0
    cut_off: int = 0
    known: int = 0

    @property
    def moved(self) -> int:
        """How many are there now that were not there before."""
        return self.waiting + self.final

    def note(self, before: TaskRecord, after: TaskRecord) -> None:
        """Count one that was moved."""
        self.cut_off += before.status is BackgroundTaskStatus.RUNNING
        if after.status.is_final:
            self.final += 1
        else:
            self.waiting += 1


async def import_tasks(
    database: Database,
    batches: Iterable[Sequence[KeptTask]],
    registry: Registry | None,
    now: Callable[[], datetime],
) -> Imported:
    """Take over tasks with the rows beside them, in their order; each batch is one transaction.

    Whose id is there already is left out: so this can be done again after it was cut off. Running
    ones are dealt with as after a crash, by the options in ``registry``.
    """
    imported = Imported()
    ended: list[Change] = []
    for batch in batches:
        async with database.transaction() as connection:
            tables = Tables(connection, NOBODY)
            known = await tables.known([record.id for record, _ in batch])
            new = [item for item in batch if item[0].id not in known]
            moved = await _with_free_keys(
                tables, [_moved(item, registry, now(), ended) for item in new]
            )
            kept = await tables.insert([record for record, _ in moved], now()) if moved else {}
            await tables.keep(
                [(kept[record.id], row) for record, beside in moved for row in beside]
            )
        imported.known += len(known)
        for (before, _), (after, _) in zip(new, moved, strict=True):
            imported.note(before, after)
    if ended:
        async with database.transaction() as connection:
            await Tables(connection, NOBODY).pass_on(ended)
    return imported


async def _with_free_keys(tables: Tables, moved: Sequence[KeptTask]) -> list[KeptTask]:
    """Where another task holds its key, one moves in without."""
    keys = [key for record, _ in moved if (key := record.held_key) is not None]
    held = await tables.holders(keys) if keys else {}
    return [
        (record._replace(held_key=None) if record.held_key in held else record, beside)
        for record, beside in moved
    ]


def _moved(
    item: KeptTask, registry: Registry | None, now: datetime, ended: list[Change]
) -> KeptTask:
    """As it is to be kept; one that was cut off for good goes into ``ended``."""
    record, beside = item
    if record.status is BackgroundTaskStatus.RUNNING:
        change = taken_back(record, registry, CUT_OFF, now)
        assert change is not None  # noqa: S101 - it is the attempt that holds the task
        ended += [change] if change.after.status.is_final else []
        record = change.after
        beside = [*beside, *change.beside]
    return _fit(record), [fit(row) for row in beside]


def _fit(record: TaskRecord) -> TaskRecord:
    """Without what SQLite takes in a text and PostgreSQL doesn't."""
    return record._replace(
        type=clean(record.type, MAX_NAME),
        name=clean(record.name, MAX_NAME),
        owner=None if record.owner is None else clean(record.owner, MAX_NAME),
        status_message=_message(record.status_message),
        error_message=_message(record.error_message),
    )


def _message(text: str | None) -> str | None:
    return None if text is None else clean(text, MAX_MESSAGE)

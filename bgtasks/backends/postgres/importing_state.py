"""What is kept beside tasks moves in as well: which types are paused, and how schedules stand."""

from collections.abc import Sequence

from bgtasks.backends.postgres.database import Database
from bgtasks.backends.postgres.schedule_rows import schedule_arrays
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.schedules.record import ScheduleRecord
from bgtasks.core.task_types import TypeRecord

__all__ = ["import_pauses", "import_schedules"]


async def import_pauses(database: Database, paused: Sequence[TypeRecord]) -> None:
    """Pause these types, since then and for the reason that is kept. One that is paused already
    stays as it is."""
    if paused:
        names = [item.name for item in paused]
        times = [item.paused_at for item in paused]
        reasons = [item.pause_reason for item in paused]
        await database.fetch(STATEMENTS["add_pauses"], names, times, reasons)


async def import_schedules(database: Database, schedules: Sequence[ScheduleRecord]) -> None:
    """Keep these schedules, with their pauses and with the ticks that they wait for; those that
    are there already are left alone."""
    if schedules:
        await database.fetch(STATEMENTS["add_schedules"], *schedule_arrays(schedules))

"""PgQueuer's tables, under names of our own, so that a host application may use PgQueuer in the
same database for itself."""

from datetime import timedelta
from typing import Any

from pgqueuer import AsyncpgDriver, Queries, QueueManager
from pgqueuer.adapters.persistence import qb
from pgqueuer.domain.settings import DBSettings, Durability

__all__ = ["ENGINE", "NEVER", "SLOT_INDEX", "check", "queries_on", "upgrade"]

ENGINE = DBSettings(
    prefix="bgtasks_",
    db_schema=None,
    channel="bgtasks_ch_pgqueuer",  # type: ignore[arg-type]  # a str of its own kind
    function="bgtasks_fn_pgqueuer_changed",
    statistics_table="bgtasks_pgqueuer_statistics",
    queue_status_type="bgtasks_pgqueuer_status",
    queue_table="bgtasks_pgqueuer",
    queue_table_log="bgtasks_pgqueuer_log",
    trigger="bgtasks_tg_pgqueuer_changed",
    schedules_table="bgtasks_pgqueuer_schedules",
    # Its log is for looking at, and may be lost when the server crashes; jobs may not.
    durability=Durability.balanced,
)
"""Every name is given, so that PGQUEUER_... in the environment changes nothing here."""

SLOT_INDEX = f"{ENGINE.queue_table}_picked_slot_idx"
"""What a claim runs into where another process was quicker to take the last slot of a type."""

UNUSED = [f"{ENGINE.queue_table}_{name}_id_id1_idx" for name in ("priority", "updated")]
"""Indexes of PgQueuer's that no statement here looks at: each job would be written to both."""

NEVER = timedelta(days=36500)
"""PgQueuer would give the jobs of silent workers to others: here only ``Recovery`` decides that."""

_ENVIRONMENT = qb.QueryBuilderEnvironment(ENGINE)
_QUEUE = qb.QueryQueueBuilder(ENGINE)
_SCHEDULER = qb.QuerySchedulerBuilder(ENGINE)


def queries_on(connection: Any) -> Queries:
    """PgQueuer's statements on a connection."""
    return Queries(AsyncpgDriver(connection), _ENVIRONMENT, _QUEUE, _SCHEDULER)


async def check(connection: Any) -> str | None:
    """What the tables lack that this version of PgQueuer needs, in words; ``None``: nothing."""
    try:
        await QueueManager(queries_on(connection)).verify_structure()
    except RuntimeError as error:
        return str(error)
    return None


async def upgrade(connection: Any) -> list[str]:
    """Make the tables, or bring them up to this version of PgQueuer; what was done, in words."""
    queries = queries_on(connection)
    if not await queries.schema_is_installed():
        await queries.install()
        await queries.optimize_autovacuum()
        done = ["PgQueuer: installed"]
    else:
        plan = await queries.apply_upgrade()
        made = [item for item in plan.statements if not any(name in item for name in UNUSED)]
        done = [f"PgQueuer: {len(made)} statements"] if made else []
    for name in UNUSED:
        await connection.execute(f"DROP INDEX IF EXISTS {name}")
    return done

"""Where PgQueuer keeps its jobs: under names of our own, so that a host application may use
PgQueuer in the same database for itself."""

from pgqueuer.adapters.persistence import qb
from pgqueuer.db import Driver
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.queries import Queries

__all__ = ["ENGINE", "engine_queries"]

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

_ENVIRONMENT = qb.QueryBuilderEnvironment(ENGINE)
_QUEUE = qb.QueryQueueBuilder(ENGINE)
_SCHEDULER = qb.QuerySchedulerBuilder(ENGINE)


def engine_queries(driver: Driver) -> Queries:
    """PgQueuer's statements on a connection, or on a pool."""
    return Queries(driver, _ENVIRONMENT, _QUEUE, _SCHEDULER)

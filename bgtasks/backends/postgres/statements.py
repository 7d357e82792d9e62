"""The SQL of this backend, by name."""

from bgtasks.backends.postgres.engine_schema import ENGINE
from bgtasks.backends.postgres.rows import COLUMNS, LISTED, SLIM
from bgtasks.backends.statements import load_statements

__all__ = ["STATEMENTS"]

STATEMENTS = load_statements(
    "bgtasks.backends.postgres",
    columns=COLUMNS,
    slim=SLIM,
    listed=LISTED,
    queue=ENGINE.queue_table,
    log=ENGINE.queue_table_log,
    statistics=ENGINE.statistics_table,
)

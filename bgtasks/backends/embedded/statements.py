"""The SQL of this backend, by name."""

from bgtasks.backends.embedded.rows import (
    CHANGED,
    COLUMNS,
    ENDED,
    INSERTED,
    LISTED,
    NUMBERED,
    REPLACED,
    REPORTED,
    SHOWN,
)
from bgtasks.backends.embedded.schedule_rows import SCHEDULE
from bgtasks.backends.embedded.searching import ARGUMENT, SEARCHED
from bgtasks.backends.statements import in_all_orders, load_statements

__all__ = ["STATEMENTS"]

_LOADED = load_statements(
    "bgtasks.backends.embedded",
    columns=COLUMNS,
    shown=SHOWN,
    listed=LISTED,
    inserted=INSERTED.each(),
    inserted_values=INSERTED.each("?"),
    changed=CHANGED.each("{} = ?"),
    replaced=REPLACED.each("{} = ?"),
    reported=REPORTED.each("{} = ?"),
    ended=ENDED.each("{} = ?"),
    numbered=NUMBERED.each(),
    numbered_values=NUMBERED.each("?"),
    searched=SEARCHED,
    argument=ARGUMENT,
    schedule=SCHEDULE.each(),
    schedule_values=SCHEDULE.each("?"),
)

STATEMENTS = {**_LOADED, **in_all_orders(_LOADED, last={"DESC": "-9e18", "ASC": "9e18"})}

"""The SQL of this backend, by name."""

from bgtasks.backends.postgres import engine, rows, schedule_rows
from bgtasks.backends.postgres.searching import ARGUMENT, PLACE, SEARCHED
from bgtasks.backends.postgres.side_tables import SIDE_TABLES
from bgtasks.backends.statements import in_all_orders, load_statements
from bgtasks.core.keys import UNTIL_STARTED

__all__ = ["BEGIN", "CHANNEL", "STATEMENTS", "TEMPLATES", "TYPES_CHANNEL"]

CHANNEL = "bgtasks"
"""On which processes notify each other of what they have changed."""

TYPES_CHANNEL = "bgtasks_types"
"""On which they notify each other of types that were paused or resumed."""

_NOTIFY = """
SELECT NULL::bigint FROM (SELECT pg_catalog.pg_notify('{channel}', message)
                    FROM pg_catalog.unnest($1::text[]) AS message) AS told
""".strip()

_LOADED = load_statements(
    "bgtasks.backends.postgres",
    notify=_NOTIFY,
    channel=CHANNEL,
    searched=SEARCHED,
    argument=ARGUMENT.format(path="$4::text"),
    types_channel=TYPES_CHANNEL,
    until_started=UNTIL_STARTED,
    **rows.PARTS,
    **schedule_rows.PARTS,
    **engine.PARTS,
    **PLACE,
)

TEMPLATES = {
    **_LOADED,
    **in_all_orders(_LOADED, last={"DESC": "-infinity", "ASC": "infinity"}),
}
"""As they are in the file: ``{beside}`` stands where rows beside tasks are written."""

_UNLESS_HELD = "{unless_held}"
_INSERT = TEMPLATES["insert_tasks"]

STATEMENTS = {
    **{name: SIDE_TABLES.complete(body, ())[0] for name, body in TEMPLATES.items()},
    "insert_tasks": _INSERT.replace(_UNLESS_HELD, ""),
    "insert_unique_tasks": _INSERT.replace(
        _UNLESS_HELD, "ON CONFLICT (held_key) WHERE held_key IS NOT NULL DO NOTHING"
    ),
}

BEGIN = engine.ClaimStatement(STATEMENTS["begin_claimed"])
"""The engine's claim, and what becomes of the tasks of the jobs it gives."""

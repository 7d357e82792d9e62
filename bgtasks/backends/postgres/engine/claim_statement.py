"""PgQueuer's claim as the beginning of a larger statement: one round trip, one commit."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pgqueuer.models import QueueManagerId

from bgtasks.backends.postgres.engine.schema import NEVER, SLOT_INDEX, queries_on
from bgtasks.backends.postgres.server_errors import constraint_of, is_refused_text

__all__ = ["ClaimStatement"]

_END = "SELECT * FROM claimed ORDER BY priority DESC, id ASC;"
"""How PgQueuer's statement ends; before that its parts (CTEs), of which one is `claimed`."""

_LOG = re.compile(r",\s*(?:-- [^\n]*\n)?log_pick AS \(\n(?:    [^\n]*\n)*\)")
"""Its part that writes each claim down, in a table that nobody reads."""


class ClaimStatement:
    """PgQueuer's claim, continued by ``rest``: more parts, and what is selected in the end, from
    the jobs in ``claimed``. ``{first}``, ``{second}``, ``{third}`` and ``{fourth}`` stand in
    ``rest`` for its parameters."""

    def __init__(self, rest: str) -> None:
        self._rest = rest
        self._continued = cache(self._make)

    async def works(self, connection: Any, limits: Mapping[str, int]) -> bool:
        """Whether PgQueuer's statement is as it is known here, and the server takes the whole.
        Raises what else the server does not do."""
        dequeue = _dequeue(connection, 1, limits, None)
        sql = self._continued(dequeue.sql, len(dequeue.args))
        if sql is None:
            return False
        try:
            await connection.prepare(sql)
        except Exception as error:
            if not is_refused_text(error):
                raise
            return False
        return True

    async def run(
        self, connection: Any, size: int, limits: Mapping[str, int], process: Any, *values: Any
    ) -> list[Any]:
        """Give ``process`` at most ``size`` due jobs, as ``Jobs.claim`` does, and do the rest."""
        dequeue = _dequeue(connection, size, limits, process)
        sql = self._continued(dequeue.sql, len(dequeue.args))
        try:
            return list(await connection.fetch(sql, *dequeue.args, *values))
        except Exception as error:
            if constraint_of(error) == SLOT_INDEX:  # another process got the last slot of a type
                return []
            raise

    def _make(self, dequeue: str, parameters: int) -> str | None:
        parts, end, behind = dequeue.rpartition(_END)
        if not end or behind.strip() or not re.search(r"\bclaimed AS \(", parts):
            return None
        rest = self._rest
        for number, name in enumerate(("first", "second", "third", "fourth"), parameters + 1):
            rest = rest.replace(f"{{{name}}}", f"${number}")
        return f"{_LOG.sub('', parts).rstrip()},\n{rest}"


def _dequeue(connection: Any, size: int, limits: Mapping[str, int], process: Any) -> Any:
    """PgQueuer's statement and its parameters, as its ``dequeue`` makes them."""
    types: list[Any] = list(limits)
    return queries_on(connection).qbq.build_dequeue_query(
        batch_size=size,
        entrypoints=types,
        concurrency_limits=list(limits.values()),
        queue_manager_id=QueueManagerId(process),
        global_concurrency_limit=None,
        heartbeat_timeout=NEVER,
    )

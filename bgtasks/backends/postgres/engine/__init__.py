"""PgQueuer, the engine: all of bgtasks that knows it, its tables included.

The other modules of this backend see

- ``Jobs``: ``enqueue``, ``claim`` (and ``next_due``), ``release``, who holds which job (``held``,
  ``renew``, ``abandoned``), and ``tidy``;
- ``ClaimStatement``: the same claim as the beginning of a statement that begins attempts as well;
- ``PARTS``: the SQL that puts a task and its job into one statement;
- ``check`` and ``upgrade`` for its tables;
- ``JOBS_CHANNEL``, ``cancellation`` and ``news_in`` for its notifications.

Why PgQueuer is used by its statements and not by its loop, and what to look at before a new version
is let in: ``docs/development/decisions/0001-pgqueuer-by-its-statements.md``.
"""

from bgtasks.backends.postgres.engine.claim_statement import ClaimStatement
from bgtasks.backends.postgres.engine.jobs import (
    JOBS_CHANNEL,
    PARTS,
    ClaimedJob,
    Jobs,
    News,
    cancellation,
    news_in,
)
from bgtasks.backends.postgres.engine.schema import check, upgrade

__all__ = [
    "JOBS_CHANNEL",
    "PARTS",
    "ClaimStatement",
    "ClaimedJob",
    "Jobs",
    "News",
    "cancellation",
    "check",
    "news_in",
    "upgrade",
]

"""The caller's transaction, which a task in an SQLite file cannot be part of."""

import logging
from functools import cache

from attrs import frozen

from bgtasks.errors import BackendError

__all__ = ["CallerTransaction"]

logger: logging.Logger = logging.getLogger(__name__)


@frozen(kw_only=True)
class CallerTransaction:
    """What becomes of ``connection=``: whether it is ``accepted`` and means nothing."""

    accepted: bool

    def check(self) -> None:
        """A caller has given a connection. Raises BackendError where that is not accepted."""
        if not self.accepted:
            raise BackendError(
                "connection= was given, but tasks are kept in an SQLite file, which cannot take "
                "part in your transaction; leave it out, or set 'database' to a postgresql:// URL. "
                "For development, the setting 'tasks_outside_transactions: true' stores the task "
                "at once, whatever becomes of your transaction"
            )
        _warn_once()


@cache
def _warn_once() -> None:
    logger.warning(
        "connection= was given, but tasks are kept in an SQLite file: as the setting "
        "'tasks_outside_transactions' says, they are stored at once, and stay if your transaction "
        "is rolled back"
    )

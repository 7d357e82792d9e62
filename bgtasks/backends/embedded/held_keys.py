"""Which stored tasks hold keys. Lives in the writer thread."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from bgtasks.backends.embedded import rows
from bgtasks.backends.embedded.statements import STATEMENTS
from bgtasks.core.keys import key_behind
from bgtasks.core.record import TaskRecord

__all__ = ["HeldKeys"]


class HeldKeys:
    """The keys that the tasks of a file hold, in the open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def free_expired(self, key: str, now: datetime) -> bool:
        """Free a key that was held on only until a time which has come; whether it was."""
        values = (key, rows.from_time(now))
        return self._connection.execute(STATEMENTS["free_expired_key"], values).rowcount > 0

    def taken(self, keys: Sequence[str]) -> set[str]:
        """Those of these keys that tasks hold, an expired one too."""
        found = self._connection.execute(STATEMENTS["taken_keys"], (json.dumps(keys),))
        return {key for (key,) in found}

    def holder(self, key: str) -> TaskRecord | None:
        """The task that holds a key, without its data."""
        row = self._connection.execute(STATEMENTS["holder_of_key"], (key,)).fetchone()
        return None if row is None else rows.record_of(row)

    def waiting_behind(self, key: str) -> TaskRecord | None:
        """The task that waits behind the holder of a key."""
        return self.holder(key_behind(key))

    def hand_over(self, key: str) -> None:
        """The holder gives the key away before its time: another one has waited for it."""
        self._connection.execute(STATEMENTS["free_key"], (key,))

"""Which statements there are: recognised by their text, and by what came before."""

import re
from collections.abc import Sequence

from attrs import frozen

from tests.acceptance.chaos.messages import Message

__all__ = [
    "ANY",
    "BEAT",
    "CANCEL",
    "CLAIM",
    "COMMIT",
    "CONNECT",
    "CONNECTING",
    "HELD",
    "INSERT",
    "LISTEN",
    "RETRY_COMMIT",
    "SETTLE",
    "WRITE",
    "WRITE_COMMIT",
    "Conversation",
    "Kind",
    "Statement",
]

CONNECTING = "(connect)"
"""Stands for the first message of a connection."""


@frozen
class Statement:
    """What a client asks the server to do, after ``before`` in the same transaction."""

    sql: str
    before: Sequence[str] = ()

    @property
    def connects(self) -> bool:
        return self.sql == CONNECTING

    @property
    def commits(self) -> bool:
        return self.sql.startswith("COMMIT")


@frozen
class Kind:
    """Statements that match ``pattern``; with ``after`` only in a transaction in which something
    before them matches that."""

    name: str
    pattern: str
    after: str = ""

    def __str__(self) -> str:
        return self.name

    def fits(self, statement: Statement) -> bool:
        if not re.search(self.pattern, statement.sql):
            return False
        return not self.after or any(re.search(self.after, sql) for sql in statement.before)


_WRITTEN = r"UPDATE bgtasks_tasks(?s:.)*(was_status|SET progress)"

ANY = Kind("any statement", r"^[A-Z]")
CONNECT = Kind("connecting", re.escape(CONNECTING))
LISTEN = Kind("LISTEN", r"^LISTEN")
INSERT = Kind("an insert", r"INSERT INTO bgtasks_tasks")
CLAIM = Kind("a claim", r"SET status = 'picked'(?s:.)*SET status = 'Running', attempt")
HELD = Kind("a look at what is held", r"AS is_begun")
COMMIT = Kind("any COMMIT", r"^COMMIT")
SETTLE = Kind(
    "the end of attempts", r"'Running'(?s:.)*DELETE FROM bgtasks_pgqueuer AS job USING written"
)
WRITE = Kind("a report or an outcome", _WRITTEN)
WRITE_COMMIT = Kind("the COMMIT of reports or outcomes", r"^COMMIT", after=_WRITTEN)
CANCEL = Kind("a cancellation", r"locked AS MATERIALIZED(?s:.)*cancel_requested = new")
RETRY_COMMIT = Kind("the COMMIT of a retry", r"^COMMIT", after=r"INSERT INTO bgtasks_pgqueuer\s")
BEAT = Kind("the heartbeat of a process", r"INSERT INTO bgtasks_processes")


class Conversation:
    """What one connection has prepared, and where in a transaction it is."""

    def __init__(self) -> None:
        self.state = b"I"
        """As the server said it last."""
        self._prepared: dict[str, str] = {}
        self._transaction: list[str] = []

    def statement(self, request: Sequence[Message]) -> Statement | None:
        """What a request has the server do; ``None``: it only prepares, or closes."""
        found = None
        for message in request:
            if message.kind == b"P":
                name, sql = message.texts(2)
                self._prepared[name] = sql
            elif message.kind == b"B":
                found = self._prepared.get(message.texts(2)[1])
            elif message.kind == b"Q":
                found = message.texts(1)[0]
        if found is None:
            return None
        statement = Statement(found, tuple(self._transaction))
        self._transaction.append(found)
        return statement

    def answered(self, state: bytes) -> None:
        """The server is ready again."""
        self.state = state
        if state == b"I":
            self._transaction.clear()

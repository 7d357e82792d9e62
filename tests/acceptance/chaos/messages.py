"""PostgreSQL's protocol, as far as a proxy has to understand what passes.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
from collections.abc import AsyncIterator

from attrs import frozen

__all__ = ["READY", "Message", "error", "messages", "opening", "query", "ready"]

READY = b"Z"
"""ReadyForQuery: the server has answered, and the next request may come."""

CANCEL = 80877102
"""The number in the first message of a connection that only cancels another one's statement."""


@frozen
class Message:
    """One message. The first one of a client has no ``kind``."""

    kind: bytes
    raw: bytes

    @property
    def body(self) -> bytes:
        return self.raw[5:]

    @property
    def ends_a_request(self) -> bool:
        """Whether a client waits for an answer after it."""
        return self.kind in (b"Q", b"S", b"H")

    @property
    def cancels(self) -> bool:
        return not self.kind and int.from_bytes(self.raw[4:8], "big") == CANCEL

    def texts(self, count: int) -> list[str]:
        """The first texts in it, each of which ends with a zero byte."""
        return [text.decode() for text in self.body.split(b"\0", count)[:count]]


async def opening(reader: asyncio.StreamReader) -> Message:
    """What a client begins with: who it is, or what it wants to cancel."""
    size = await reader.readexactly(4)
    return Message(b"", size + await reader.readexactly(int.from_bytes(size, "big") - 4))


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[Message]:
    """All that follow, until the connection ends."""
    try:
        while True:
            head = await reader.readexactly(5)
            size = int.from_bytes(head[1:], "big") - 4
            yield Message(head[:1], head + await reader.readexactly(size))
    except (asyncio.IncompleteReadError, OSError):
        return


def query(sql: str) -> bytes:
    """A simple Query."""
    return _message(b"Q", sql.encode() + b"\0")


def ready(state: bytes) -> bytes:
    """ReadyForQuery: ``I`` outside of a transaction, ``T`` in one, ``E`` in one that failed."""
    return _message(READY, state)


def error(sqlstate: str, *, fatal: bool) -> bytes:
    """An ErrorResponse."""
    severity = "FATAL" if fatal else "ERROR"
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": f"made by the test: {sqlstate}"}
    body = b"".join(f"{name}{text}\0".encode() for name, text in fields.items())
    return _message(b"E", body + b"\0")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body

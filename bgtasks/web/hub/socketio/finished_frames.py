"""Writing one finished websocket frame to many connections, past what a server does for each.

ASGI has no such call. uvicorn's protocol classes have all that is needed, in attributes that are
not documented; where one of them is missing or says something unexpected, nothing is written.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from starlette.types import Send

__all__ = ["FrameWriter", "frame_writer", "text_frame"]

logger = logging.getLogger(__name__)

_UVICORN = "uvicorn.protocols.websockets"


def text_frame(text: bytes) -> bytes:
    """A whole text message as a server sends it, uncompressed (RFC 6455, section 5.2)."""
    size = len(text)
    if size < 126:
        return b"\x81%c%s" % (size, text)
    if size < 0x10000:
        return b"\x81\x7e%s%s" % (size.to_bytes(2, "big"), text)
    return b"\x81\x7f%s%s" % (size.to_bytes(8, "big"), text)


class FrameWriter:
    """Writes finished frames to one connection."""

    __slots__ = ("_is_closing", "_is_open", "_waiting", "_write")

    def __init__(self, transport: asyncio.WriteTransport, is_open: Callable[[], bool]) -> None:
        self._is_open = is_open
        self._is_closing = transport.is_closing
        self._waiting = transport.get_write_buffer_size
        self._write = transport.write

    def write(self, frame: bytes) -> bool:
        """Write ``frame``; ``False`` if the connection is not open, or has not taken what was
        written before: then the server has to be asked, which knows how to wait."""
        if self._waiting() or self._is_closing() or not self._is_open():
            return False
        self._write(frame)
        return True


def frame_writer(send: Send) -> FrameWriter | None:
    """For a websocket that was accepted, and whose server gave the application ``send``.

    ``None`` for a connection with compression, whose frames depend on all those before them; for
    a server that is not made as we know it; and where a middleware wants to see each message.
    """
    try:
        protocol = getattr(_without_starlette(send), "__self__", None)
        kind = type(protocol)
        is_open_of = _SERVERS.get(f"{kind.__module__}.{kind.__qualname__}")
        is_open = None if is_open_of is None else is_open_of(protocol)
        if is_open is None or not is_open():
            return None
        return FrameWriter(protocol.transport, is_open)  # type: ignore[union-attr]
    except Exception as error:  # whatever a server is made of
        logger.debug("finished frames cannot be written to this server: %r", error)
        return None


def _without_starlette(send: Any) -> Any:
    """The ``send`` behind those of Starlette, which pass on each message of a websocket as it is;
    there is one for each application that is mounted in another."""
    while inspect.isfunction(send) and send.__module__ == "starlette._exception_handler":
        send = inspect.getclosurevars(send).nonlocals["send"]
    return send


def _of_sansio(protocol: Any) -> Callable[[], bool] | None:
    from websockets.protocol import State

    connection = protocol.conn
    if connection.extensions != []:
        return None
    return lambda: connection.state is State.OPEN and not protocol.close_sent


def _of_wsproto(protocol: Any) -> Callable[[], bool] | None:
    from wsproto.connection import ConnectionState

    connection = protocol.conn.connection
    if connection._proto.extensions != []:  # noqa: SLF001 - nothing else tells
        return None
    return lambda: connection.state is ConnectionState.OPEN and not protocol.close_sent


_SERVERS = {
    f"{_UVICORN}.websockets_sansio_impl.WebSocketsSansIOProtocol": _of_sansio,
    f"{_UVICORN}.wsproto_impl.WSProtocol": _of_wsproto,
}

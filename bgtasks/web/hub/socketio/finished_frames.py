"""Writing one finished websocket frame to many connections, past what a server does for each.

ASGI has no such call. uvicorn's protocol classes have all that is needed, in attributes that are
not documented; where one of them is missing or says something unexpected, nothing is written.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from starlette.types import Send

__all__ = ["FrameWriter", "frame_writer", "text_frame", "without_starlette"]

logger: logging.Logger = logging.getLogger(__name__)

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
    """Writes finished frames to one connection, which ``protocol`` of the server is there for."""

    __slots__ = ("_protocol", "_transport")

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._transport: asyncio.WriteTransport = protocol.transport
        self._transport.get_write_buffer_size()  # raises where that cannot be asked

    def write(self, frame: bytes) -> bool:
        """Write ``frame``; ``False`` if the connection ends, or has not taken what was written
        before: then the server has to be asked, which knows how to wait."""
        transport = self._transport
        if transport.get_write_buffer_size() or transport.is_closing() or self._protocol.close_sent:
            return False
        transport.write(frame)
        return True


def frame_writer(send: Send) -> FrameWriter | None:
    """For a websocket that was accepted, and whose server gave the application ``send``.

    ``None`` for a connection with compression, whose frames depend on all those before them; for
    a server that is not made as we know it; and where a middleware wants to see each message.
    """
    try:
        protocol: Any = getattr(send, "__self__", None)
        kind = type(protocol)
        extensions_of = _SERVERS.get(f"{kind.__module__}.{kind.__qualname__}")
        if extensions_of is None or extensions_of(protocol) != [] or protocol.close_sent:
            return None
        return FrameWriter(protocol)
    except Exception as error:  # whatever a server is made of
        logger.debug("finished frames cannot be written to this server: %r", error)
        return None


def without_starlette(send: Send) -> Send:
    """The ``send`` behind those of Starlette, which pass on each message of a websocket as it is;
    there is one for each application that is mounted in another."""
    while inspect.isfunction(send) and send.__module__ == "starlette._exception_handler":
        inner = inspect.getclosurevars(send).nonlocals.get("send")
        if inner is None:
            break
        send = inner
    return send


_SERVERS: dict[str, Callable[[Any], object]] = {
    f"{_UVICORN}.websockets_sansio_impl.WebSocketsSansIOProtocol": attrgetter("conn.extensions"),
    f"{_UVICORN}.wsproto_impl.WSProtocol": attrgetter("conn.connection._proto.extensions"),
}
"""By the name of a protocol class: the list of extensions that a connection has agreed to."""

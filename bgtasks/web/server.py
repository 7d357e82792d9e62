"""The Socket.IO server, set up so that only what the hub means to offer is offered."""

import logging
from typing import Any

import socketio
from socketio.packet import Packet

from bgtasks.web.background import BackgroundSet
from bgtasks.web.frames import MAX_FRAME
from bgtasks.web.origins import OriginCheck

__all__ = ["NAMESPACE", "make_server"]

NAMESPACE = "/background-tasks"


class _TextPacket(Packet):  # type: ignore[misc] # the library has no types
    """A packet without binary parts: looking for some takes most of the time of encoding."""

    uses_binary_events = False


def make_server(origins: OriginCheck, background: BackgroundSet) -> Any:
    """A server with our namespace only, websocket only, and one event at a time per client."""
    logger = logging.getLogger("bgtasks.web.socketio")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)  # at INFO it writes out every packet

    def accepts(_origin: str, environ: Any) -> bool:
        return origins.accepts(environ["asgi.scope"])

    server = socketio.AsyncServer(
        async_mode="asgi",
        transports=["websocket"],
        allow_upgrades=False,
        namespaces=[NAMESPACE],  # by default "/" is accepted too, with no handler at all
        async_handlers=False,  # the next frame is read when the last one is answered
        max_http_buffer_size=MAX_FRAME,
        cors_allowed_origins=accepts,
        serializer=_TextPacket,
        logger=logger,
        engineio_logger=logger,
    )
    # It sleeps a ping interval in a task per client, which nobody would end.
    server.eio.start_background_task = background.start_target
    return server

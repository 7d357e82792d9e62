"""The Socket.IO server, set up so that only what the hub means to offer is offered."""

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import socketio
from socketio.packet import Packet

from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.socketio.update_queue import UpdateQueue
from bgtasks.web.origins import OriginCheck
from bgtasks.web.protocol import MAX_FRAME, NAMESPACE

__all__ = ["JsonText", "connection_tasks", "make_server"]

connection_tasks: ContextVar[BackgroundSet] = ContextVar("connection_tasks")
"""What the library starts for the connection that is being served, and what ends with it."""


class JsonText(str):
    """JSON that is sent as it is, where the library would write an object."""

    __slots__ = ()


class _SplicingJson:
    """The library's own JSON module, but for texts that are JSON already."""

    loads = staticmethod(Packet.json.loads)

    @staticmethod
    def dumps(data: Any, **options: Any) -> str:
        """``data`` as JSON; a list, as each event and ack is one, may have ``JsonText`` in it."""
        if type(data) is not list:
            return str(Packet.json.dumps(data, **options))
        items = (
            item if type(item) is JsonText else Packet.json.dumps(item, **options) for item in data
        )
        return f"[{','.join(items)}]"


class _TextPacket(Packet):  # type: ignore[misc] # the library has no types
    """A packet without binary parts: looking for some takes most of the time of encoding."""

    uses_binary_events = False
    json = _SplicingJson


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

    def start(target: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        # Each ping sleeps in a task of its own, which nobody would end with the connection.
        of_connection = getattr(target, "__self__", None) is not server.eio
        tasks = connection_tasks.get(background) if of_connection else background
        return tasks.start_target(target, *args, **kwargs)

    server.eio.start_background_task = start
    server.eio.create_queue = UpdateQueue
    return server

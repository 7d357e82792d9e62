"""One snapshot to many Socket.IO clients, encoded once for all of them."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from importlib import import_module
from typing import Any, Protocol

from socketio.packet import EVENT

from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.hub.hub_client import FanOut, HubClient, PacketQueue
from bgtasks.web.hub.socketio.outlet import outside_of_tasks
from bgtasks.web.hub.socketio.server import JsonText
from bgtasks.web.hub.socketio.update_queue import Update, UpdateQueue
from bgtasks.web.protocol import NAMESPACE, TASK_UPDATED

__all__ = ["PlainEmit", "SharedUpdates", "SocketFanOut", "make_fan_out"]

logger: logging.Logger = logging.getLogger(__name__)


class SocketFanOut(FanOut, Protocol):
    """How snapshots get to the protocol library, as the event ``TaskUpdated``. Neither way waits
    for the clients."""

    def queue_of(self, eio_sid: str | None) -> PacketQueue:
        """The queue of the connection with this name."""

    async def send(self, encoded: EncodedTask, client: HubClient) -> None:
        """Send it to one client."""


class SharedUpdates:
    """Encodes a snapshot once, and has each client's own queue deliver it: at once where nothing
    waits there, else after that."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def queue_of(self, eio_sid: str | None) -> PacketQueue:
        socket = self._server.eio.sockets.get(eio_sid)
        # A connection that has just ended: what is put there goes nowhere.
        queue: PacketQueue = UpdateQueue() if socket is None else socket.queue
        return queue

    async def send(self, encoded: EncodedTask, client: HubClient) -> None:
        queue: Any = client.queue
        with outside_of_tasks():
            queue.deliver(_update_of(encoded))

    async def broadcast(
        self, encoded: EncodedTask, clients: Iterable[HubClient]
    ) -> list[HubClient]:
        update, others = _update_of(encoded), []
        with outside_of_tasks():
            for client in clients:  # one pass of few calls: it runs for each client at each update
                queue: Any = client.queue
                if queue is None or client.held or client.backlog or not queue.deliver(update):
                    others.append(client)
        return others


def _update_of(encoded: EncodedTask) -> Update:
    if encoded.update is None:
        encoded.update = Update(encoded.text)
    update: Update = encoded.update
    return update


class PlainEmit:
    """The library's own way, which costs an asyncio task per client and packet."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def queue_of(self, eio_sid: str | None) -> PacketQueue:
        try:
            queue: PacketQueue = self._server.eio.sockets[eio_sid].queue
            queue.qsize()
        except (AttributeError, KeyError, TypeError):
            return asyncio.Queue()  # the library does not tell
        return queue

    async def send(self, encoded: EncodedTask, client: HubClient) -> None:
        await self._emit(encoded, [client.sid])

    async def broadcast(
        self, encoded: EncodedTask, clients: Iterable[HubClient]
    ) -> list[HubClient]:
        clients = list(clients)
        sids = [client.sid for client in clients if client.is_ready()]
        others = [client for client in clients if not client.is_ready()]
        if sids:  # an empty "to" means everybody, also who was not let in yet
            await self._emit(encoded, sids)
        return others

    async def _emit(self, encoded: EncodedTask, sids: list[str]) -> None:
        text = JsonText(encoded.text)
        await self._server.emit(TASK_UPDATED, text, to=sids, namespace=NAMESPACE)


def make_fan_out(server: Any) -> SocketFanOut:
    """Shared updates where the installed libraries are made as we know them, else plain emit."""
    try:
        _probe(server)
    except Exception as error:
        logger.warning(
            "python-socketio or python-engineio is not made as expected (%r): "
            "updates are sent with its plain emit, which costs more for many clients",
            error,
        )
        return PlainEmit(server)
    return SharedUpdates(server)


def _probe(server: Any) -> None:
    """Raise unless the library itself would do with an event what SharedUpdates does."""
    text = server.packet_class(EVENT, namespace=NAMESPACE, data=[TASK_UPDATED, {"a": 1}]).encode()
    update = Update('{"a":1}')
    ours = update.packet
    if [text, ours.encode(), update.text] != [ours.data, f"4{text}", f"4{text}"]:
        raise RuntimeError(f"an event is written as {text!r:.100}")
    if not hasattr(server.eio.sockets, "get"):
        raise TypeError("the sockets are no mapping")
    # A socket that nobody is connected to: what the library sends there stays where it is.
    socket = import_module("engineio.async_socket").AsyncSocket(server.eio, "probe")
    if type(socket.queue) is not UpdateQueue:
        raise TypeError(f"the queue of a connection is a {type(socket.queue).__name__}")
    _finish_at_once(socket.send(ours))
    socket.queue.put_nowait(ours)
    if socket.queue.qsize() != 2 or any(socket.queue.get_nowait() is not ours for _ in "ab"):
        raise RuntimeError("a sent packet is not what is in the queue")


def _finish_at_once(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("sending waits for something")

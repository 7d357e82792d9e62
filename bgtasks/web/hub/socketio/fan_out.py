"""One snapshot to many Socket.IO clients: the same packet, put on the queue of each."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from importlib import import_module
from typing import Any, Protocol

from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from socketio.packet import EVENT

from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.hub.hub_client import MAX_DEPTH, FanOut, HubClient, PacketQueue
from bgtasks.web.hub.socketio.server import JsonText
from bgtasks.web.protocol import NAMESPACE, TASK_UPDATED

__all__ = ["PlainEmit", "SharedPackets", "SocketFanOut", "make_fan_out"]

logger = logging.getLogger(__name__)

_START = f'2{NAMESPACE},["{TASK_UPDATED}",'


class SocketFanOut(FanOut, Protocol):
    """How snapshots get to the protocol library, as the event ``TaskUpdated``. Neither way waits
    for the clients."""

    def queue_of(self, eio_sid: str | None) -> PacketQueue:
        """The queue of the connection with this name."""

    async def send(self, encoded: EncodedTask, client: HubClient) -> None:
        """Send it to one client."""


class SharedPackets:
    """Encodes a snapshot once, and starts no asyncio task per client as ``emit`` does."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def queue_of(self, eio_sid: str | None) -> PacketQueue:
        socket = self._server.eio.sockets.get(eio_sid)
        # A connection that has just ended: what is put there goes nowhere.
        queue: PacketQueue = asyncio.Queue() if socket is None else socket.queue
        return queue

    async def send(self, encoded: EncodedTask, client: HubClient) -> None:
        if client.queue is not None:
            client.queue.put_nowait(self._packet(encoded))

    async def broadcast(
        self, encoded: EncodedTask, clients: Iterable[HubClient]
    ) -> list[HubClient]:
        packet = self._packet(encoded)
        others = []
        for client in clients:  # one pass without calls: it runs for each client at each update
            queue = client.queue
            if queue is None or client.held or client.backlog or queue.qsize() >= MAX_DEPTH:
                others.append(client)
            else:
                queue.put_nowait(packet)
        return others

    def _packet(self, encoded: EncodedTask) -> Any:
        if encoded.packet is None:
            encoded.packet = EnginePacket(MESSAGE, f"{_START}{encoded.text}]")
        return encoded.packet


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
    """Shared packets where the installed libraries are made as we know them, else plain emit."""
    try:
        _probe(server)
    except Exception as error:
        logger.warning(
            "python-socketio or python-engineio is not made as expected (%r): "
            "updates are sent with its plain emit, which costs more for many clients",
            error,
        )
        return PlainEmit(server)
    return SharedPackets(server)


def _probe(server: Any) -> None:
    """Raise unless the library itself would do with an event what SharedPackets does."""
    text = server.packet_class(EVENT, namespace=NAMESPACE, data=[TASK_UPDATED, {"a": 1}]).encode()
    ours = EnginePacket(MESSAGE, _START + '{"a":1}]')
    if [text, ours.encode()] != [ours.data, f"4{text}"]:
        raise RuntimeError(f"an event is written as {text!r:.100}")
    if not hasattr(server.eio.sockets, "get"):
        raise TypeError("the sockets are no mapping")
    # A socket that nobody is connected to: what the library sends there stays where it is.
    socket = import_module("engineio.async_socket").AsyncSocket(server.eio, "probe")
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

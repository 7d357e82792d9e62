"""The ways on which updates get to clients, to run the same tests on each."""

import asyncio
from typing import Any

from engineio.packet import Packet

from tests.web.raw_socket import RawSocket
from tests.web.wire_socket import WireSocket

__all__ = ["AS_FRAMES", "THROUGH_ASGI", "WAYS", "changed_send", "socket_on"]

THROUGH_ASGI = ("at_once", "in_steps", "in_turn", "emit")
"""As the first step of the server's ``send``; in several steps of it; through the protocol
library's writer, as behind a middleware that needs a task; with the library's own ``emit``."""

AS_FRAMES = ("websockets-sansio", "wsproto")
"""As finished frames, on uvicorn's protocol classes."""

WAYS = (*THROUGH_ASGI, *AS_FRAMES)


class _StepwiseSocket(RawSocket):
    """Its server takes each message in several steps."""

    async def take_message(self, message: Any) -> None:
        await asyncio.sleep(0)
        await super().take_message(message)
        await asyncio.sleep(0)


class _GuardedSocket(RawSocket):
    """Behind a middleware that gives each message some time, for which it needs a task."""

    seconds = 20.0
    gave_up = False

    async def take_message(self, message: Any) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await super().take_message(message)
        except TimeoutError:
            self.gave_up = True
            raise


_SENDS = {
    "at_once": RawSocket,
    "emit": RawSocket,
    "in_steps": _StepwiseSocket,
    "in_turn": _GuardedSocket,
}


async def changed_send(self: Any, packet: Any) -> None:
    """How a later release of the library might queue a packet: another object is sent."""
    await self.queue.put(Packet(packet.packet_type, packet.data))


def socket_on(way: str, *arguments: Any) -> RawSocket:
    """A socket whose updates go this way."""
    return _SENDS[way](*arguments) if way in _SENDS else WireSocket(way, *arguments)

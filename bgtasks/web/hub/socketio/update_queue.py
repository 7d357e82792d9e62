"""What waits for one connection inside the protocol library, and the way past it."""

import asyncio
from collections.abc import Callable
from typing import Any

from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket

from bgtasks.web.hub.hub_client import MAX_DEPTH
from bgtasks.web.hub.socketio.finished_frames import text_frame
from bgtasks.web.protocol import NAMESPACE, TASK_UPDATED

__all__ = ["Update", "UpdateQueue"]

_START = f'2{NAMESPACE},["{TASK_UPDATED}",'


class Update:
    """One snapshot as the event ``TaskUpdated``, in each form in which it may be sent. All clients
    share it: a form is made when the first of them needs it."""

    __slots__ = ("frame", "packet", "text")

    def __init__(self, task: str) -> None:
        self.packet: Any = EnginePacket(MESSAGE, f"{_START}{task}]")
        """What the queues of the protocol library hold."""
        self.text: str = f"4{self.packet.data}"
        """What an ASGI server is given."""
        self.frame: bytes | None = None
        """What goes over a connection without compression, once ``framed`` has made it."""

    def framed(self) -> bytes:
        """Make the frame, for the first client that needs it."""
        self.frame = text_frame(self.text.encode())
        return self.frame


class UpdateQueue(asyncio.Queue[Any]):
    """The queue of a connection. An update that would be the only one in it goes straight to the
    server: that costs no wake-up of the writer that empties the queue.

    ``send_at_once`` is asked to do that, as long as there is one.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.send_at_once: Callable[[Update], bool] | None = None
        self._not_taken = 0

    def put_nowait(self, item: Any) -> None:
        super().put_nowait(item)
        self._not_taken += 1

    def task_done(self) -> None:
        # ``qsize`` does not count what a waiting ``get`` has been given and has not returned yet.
        super().task_done()
        self._not_taken -= 1

    def deliver(self, update: Update) -> bool:
        """Send ``update`` after all that waits here: at once, if nothing does. ``False`` if so much
        waits that the client counts as slow."""
        if not self._not_taken and (send := self.send_at_once) is not None and send(update):
            return True
        if self.qsize() >= MAX_DEPTH:
            return False
        self.put_nowait(update.packet)
        return True

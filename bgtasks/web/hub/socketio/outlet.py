"""What one websocket is sent: one message after the other, as fast as its client reads."""

import asyncio
import types
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from starlette.types import Message, Send

from bgtasks.clock import Clock
from bgtasks.web.hub.background import BackgroundSet
from bgtasks.web.hub.socketio.finished_frames import (
    FrameWriter,
    frame_writer,
    without_starlette,
)
from bgtasks.web.hub.socketio.update_queue import Update

__all__ = ["Outlet", "expire", "outside_of_tasks"]

_GIVEN_UP = float("-inf")

_Steps = Generator[Any, Any, Any]


class Outlet:
    """Hands messages to the server through ``send`` of ASGI.

    The protocol library awaits each message in its writer. An update that nothing waits before
    goes without it, in one of two ways: as a finished frame, or as the first step of ``send``,
    which is the only one as long as the client reads. If it is not, an asyncio task takes the
    others, and whatever comes after waits for that.
    """

    def __init__(self, send: Send, clock: Clock, tasks: BackgroundSet) -> None:
        self.sent: asyncio.Event = asyncio.Event()
        """Set whenever the server has taken a message that was waited for."""
        self._send = without_starlette(send)
        self._clock = clock
        self._tasks = tasks
        self._context = copy_context()
        self._frames: FrameWriter | None = None
        self._goes_past_writer = True
        self._writers = 0
        self._rest: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._since = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a message is on its way to the server."""
        return self._writers > 0 or self._rest is not None

    def accepted(self) -> None:
        """The websocket is open; how it is spoken on is settled."""
        self._frames = frame_writer(self._send)

    async def send(self, message: Message) -> None:
        """Hand a message to the server; returns when it can take more. Raises OSError once the
        client was given up."""
        self._writers += 1
        try:
            if self._rest is not None:
                await asyncio.wait([self._rest])
            if self._since == _GIVEN_UP:
                if message["type"] == "websocket.close":
                    return  # nobody reads it, and the library cleans up only after this
                raise OSError("the client does not read")
            self._since = self._clock.monotonic()
            async with asyncio.timeout(None) as self._limit:
                await self._send(message)
        except TimeoutError:
            self._since = _GIVEN_UP
            raise OSError("the client does not read") from None
        finally:
            self._limit = None
            self._writers -= 1
            self.sent.set()

    def send_at_once(self, update: Update) -> bool:
        """Hand ``update`` to the server without waiting; ``False`` if it has to wait for its turn,
        or if this server cannot be sent anything in this way. To be called outside of tasks."""
        if self._writers or self._rest is not None or not self._goes_past_writer:
            return False
        frames = self._frames
        if frames is not None and frames.write(update.frame or update.framed()):
            return True
        message = {"type": "websocket.send", "bytes": None, "text": update.text}
        try:
            steps: _Steps = self._context.run(self._send, message).__await__()
            waits_for = self._context.run(next, steps)
        except StopIteration:
            return True
        except (Exception, asyncio.CancelledError):
            # The library's writer is refused in the same way, and cleans up; or some middleware
            # needs to run in a task: then the writer gets it through.
            self._goes_past_writer = False
            return False
        self._rest = self._tasks.start(self._finish(steps, waits_for), self._context)
        return True

    def give_up(self, seconds: float) -> bool:
        """Give the client up if it has read nothing of a message for ``seconds``; whether it was
        given up now."""
        if self._limit is None or self._clock.monotonic() - self._since < seconds:
            return False
        self.close()
        expire(self._limit)
        return True

    def close(self) -> None:
        """Send updates through the writer only, from now on: the connection ends."""
        self._goes_past_writer = False

    async def _finish(self, steps: _Steps, waits_for: Any) -> None:
        self._since = self._clock.monotonic()
        try:
            async with asyncio.timeout(None) as self._limit:
                await _rest_of(steps, waits_for)
        except TimeoutError:
            self._since = _GIVEN_UP
        except Exception:
            self._goes_past_writer = False  # the library finds out by itself
        finally:
            self._limit = self._rest = None
            self.sent.set()


@types.coroutine
def _rest_of(steps: _Steps, waits_for: Any) -> Generator[Any, Any, None]:
    """Await what is left of ``steps``, of which the first has yielded ``waits_for``."""
    try:
        while True:
            try:
                got = yield waits_for
            except BaseException as error:
                waits_for = steps.throw(error)
            else:
                waits_for = steps.send(got)
    except StopIteration:
        return


@contextmanager
def outside_of_tasks() -> Iterator[None]:
    """As if no asyncio task ran: a step of a coroutine that is taken here belongs to none, and
    what asks for the running task, to cancel it later, is told that there is none."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        yield
        return
    asyncio._leave_task(loop, task)  # noqa: SLF001 - documented for those who step coroutines
    try:
        yield
    finally:
        asyncio._enter_task(loop, task)  # noqa: SLF001 - the same


def expire(limit: asyncio.Timeout | None) -> None:
    """Have what runs under ``limit`` end with TimeoutError at its next step."""
    if limit is not None and not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())

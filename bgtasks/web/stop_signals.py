"""SIGINT and SIGTERM in a process that belongs to a web server."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["SecondSignal"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SecondSignal:
    """Calls ``hurry`` on the event loop when a signal to stop is sent again.

    The server's own handlers do what they did before: they are called in every case. Ctrl-C reaches
    a supervisor too, as ``uvicorn --reload`` has one, which then sends SIGTERM to its process: a
    signal of another kind than the first one is no second one, unless it is Ctrl-C.
    """

    def __init__(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._first: int | None = None

    def __enter__(self) -> Self:
        # Only the main thread hears of signals; what is no function ends the process by itself.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if callable(before := signal.getsignal(number)):
                    self._before[number] = before
                    signal.signal(number, self._received)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            last = signal.getsignal(number)
            if last == self._received:
                signal.signal(number, before)
            elif isinstance(owner := getattr(last, "__self__", None), SecondSignal):
                owner.leave_out(number, self._received, before)

    def leave_out(self, number: int, gone: Any, before: Any) -> None:
        """``gone`` ends, which stands somewhere before this one: have ``before`` in its place."""
        mine = self._before.get(number)
        if mine == gone:
            self._before[number] = before
        elif isinstance(owner := getattr(mine, "__self__", None), SecondSignal):
            owner.leave_out(number, gone, before)

    @property
    def should_exit(self) -> bool:
        """What uvicorn's server, whose handler this stands before, says under that name."""
        return any(getattr(owner, "should_exit", None) is True for owner in self._owners)

    @property
    def config(self) -> Any:
        """The same for its configuration; ``None`` if there is no such server."""
        servers = (
            owner
            for owner in self._owners
            if isinstance(owner, SecondSignal) or hasattr(owner, "should_exit")
        )
        configs = (getattr(server, "config", None) for server in servers)
        return next((config for config in configs if config is not None), None)

    @property
    def _owners(self) -> list[Any]:
        """Of the handlers before this one, each once: several of these may stand in a row, and one
        that asked twice, for each signal, would ask the last one very often."""
        owners = [getattr(before, "__self__", None) for before in self._before.values()]
        return list({id(owner): owner for owner in owners}.values())

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._first is None:
            self._first = number
        elif number in (self._first, signal.SIGINT) and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hurry)
        self._before[number](number, frame)

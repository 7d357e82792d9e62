"""Errors that reach the asyncio task of an attempt and are meant for somebody else."""

import asyncio
import contextlib
import dis
import functools
import inspect
import signal
import threading
from typing import Any

from bgtasks.core.text import trace_of

__all__ = ["forget_cancels", "is_from_terminal", "is_thrown_away", "pass_on_interrupt"]

_RAISE = dis.opmap["RAISE_VARARGS"]


def is_from_terminal(error: BaseException) -> bool:
    """Whether this is Ctrl-C, raised by a signal and not by a ``raise`` in what a worker calls.

    Python runs signal handlers between two instructions of the main thread. So the innermost
    frame is the handler's, or that of code which was not about to raise anything.
    """
    # Not isinstance, which reads __class__: that can raise.
    if not issubclass(type(error), KeyboardInterrupt):
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    trace = trace_of(error)
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return code is _handler_code() or code.co_code[trace.tb_lasti] != _RAISE


def _handler_code() -> Any:
    handler: Any = signal.getsignal(signal.SIGINT)
    while isinstance(handler, functools.partial):
        handler = handler.func
    if inspect.ismethod(handler):
        handler = handler.__func__
    return getattr(handler, "__code__", None)


def pass_on_interrupt() -> None:
    """Send Ctrl-C again, for the code that runs the event loop, once no worker runs."""
    asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)


def is_thrown_away(error: BaseException, task: "asyncio.Task[Any] | None") -> bool:
    """Whether ``error`` says that the coroutine of ``task`` is closed without its event loop, and
    so must not wait for anything. A worker can raise ``GeneratorExit`` by itself, too."""
    if not issubclass(type(error), GeneratorExit):
        return False
    try:
        return asyncio.current_task() is not task
    except RuntimeError:  # no event loop runs
        return True


async def forget_cancels(task: "asyncio.Task[Any] | None") -> None:
    """End the pending cancels of the running ``task``: a cancel that came too late to be delivered
    is delivered here."""
    if task is None or not task.cancelling():
        return
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    while task.cancelling():
        task.uncancel()

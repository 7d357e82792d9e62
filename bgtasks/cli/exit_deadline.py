"""The end of a process that must end."""

import logging
import os
import sys
import threading

__all__ = ["ExitDeadline"]

logger: logging.Logger = logging.getLogger(__name__)


class ExitDeadline:
    """Ends the process with ``code`` after ``seconds``, unless it ended or ``call_off`` was called.

    Python waits for every thread of a pool, such as those of ``asyncio.to_thread``. A thread that
    a worker left running would keep the process for ever.
    """

    def __init__(self, seconds: float, code: int) -> None:
        self._seconds = seconds
        self._code = code
        self._timer = threading.Timer(seconds, self._end)
        self._timer.name, self._timer.daemon = "bgtasks exit deadline", True
        self._timer.start()

    def call_off(self) -> None:
        """Let the process live."""
        self._timer.cancel()

    def _end(self) -> None:
        left = ", ".join(sorted(item.name for item in threading.enumerate() if not item.daemon))
        logger.error("%g seconds after the stop threads still run: %s", self._seconds, left)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(self._code)

"""What runs exactly as long as a manager does, such as the hub."""

import logging
from typing import Protocol

from bgtasks.lasting import ends_this_task
from bgtasks.logs import log_safely

__all__ = ["Companion", "Companions"]

logger = logging.getLogger(__name__)


class Companion(Protocol):
    """Both methods are called on the manager's event loop, and are harmless when repeated."""

    @property
    def trouble(self) -> str | None:
        """What keeps it from serving, in words; ``None`` if nothing does. Asked in any thread."""

    def start(self) -> None:
        """The manager runs from now on."""

    async def stop(self) -> None:
        """The manager is about to stop. Must return in bounded time."""


class Companions:
    """Starts and stops all of them."""

    def __init__(self) -> None:
        self._all: list[Companion] = []

    def add(self, companion: Companion) -> None:
        """One more, from the next start on."""
        self._all.append(companion)

    @property
    def trouble(self) -> str | None:
        """What keeps the first of them from serving that cannot, in words; ``None`` if all can."""
        return next((each.trouble for each in self._all if each.trouble is not None), None)

    def start(self) -> None:
        """Start all; raises what one of them raises."""
        for companion in self._all:
            companion.start()

    async def stop(self) -> None:
        """Stop all; what one of them raises is logged, and keeps nobody else."""
        for companion in self._all:
            try:
                await companion.stop()
            except BaseException as error:
                if ends_this_task(error):
                    raise
                log_safely(
                    logger, logging.ERROR, "%r did not stop as it should", companion, error=error
                )

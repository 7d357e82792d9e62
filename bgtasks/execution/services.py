"""What runs exactly as long as a manager does, such as the hub."""

import logging
from typing import Protocol

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely

__all__ = ["Service", "Services"]

logger = logging.getLogger(__name__)


class Service(Protocol):
    """Both methods are called on the manager's event loop, and are harmless when repeated."""

    @property
    def trouble(self) -> str | None:
        """What keeps it from serving, in words; ``None`` if nothing does. Asked in any thread."""

    def start(self) -> None:
        """The manager runs from now on."""

    async def stop(self) -> None:
        """The manager is about to stop. Must return in bounded time."""


class Services:
    """Starts and stops all of them."""

    def __init__(self) -> None:
        self._all: list[Service] = []

    def add(self, service: Service) -> None:
        """One more, from the next start on."""
        self._all.append(service)

    @property
    def trouble(self) -> str | None:
        """What keeps the first of them from serving that cannot, in words; ``None`` if all can."""
        return next((each.trouble for each in self._all if each.trouble is not None), None)

    def start(self) -> None:
        """Start all; raises what one of them raises."""
        for service in self._all:
            service.start()

    async def stop(self) -> None:
        """Stop all; what one of them raises is logged, and keeps nobody else."""
        for service in self._all:
            try:
                await service.stop()
            except BaseException as error:
                if ends_this_task(error):
                    raise
                log_safely(
                    logger, logging.ERROR, "%r did not stop as it should", service, error=error
                )

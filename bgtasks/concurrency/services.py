"""What runs exactly as long as a manager does, such as the hub, pruning or the loop watch."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from bgtasks.logs import log_safely

__all__ = ["Service", "Services", "take_steps"]

logger: logging.Logger = logging.getLogger(__name__)


class Service(Protocol):
    """Both methods are called on the manager's event loop. Starting twice, stopping twice and
    stopping before starting are harmless."""

    @property
    def trouble(self) -> str | None:
        """What keeps the service from its work, in words; ``None`` if nothing does (any thread)."""

    def start(self) -> None:
        """The manager runs from now on; its store is open."""

    async def stop(self) -> None:
        """The manager is about to stop; its store is still open. Must return in bounded time."""


class Services:
    """Starts services in their order, and stops them in the opposite one."""

    def __init__(self, services: Iterable[Service] = ()) -> None:
        self._all = list(services)

    def add(self, service: Service) -> None:
        """Add a service after the others."""
        if service not in self._all:
            self._all.append(service)

    @property
    def trouble(self) -> str | None:
        """The trouble of the first service that has any; ``None`` if none has."""
        return next((each.trouble for each in self._all if each.trouble is not None), None)

    def start(self) -> None:
        """Start all services; raises what one of them raises."""
        for service in self._all:
            service.start()

    async def stop(self) -> None:
        """Stop all services, even if one of them raises."""
        await take_steps(service.stop for service in reversed(self._all))


async def take_steps(steps: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Take each step of a stop; an error of one is logged and keeps no other from being taken.

    Only Ctrl-C is raised: a cancel of the running task ends one step, and not the stop.
    """
    for step in steps:
        try:
            await step()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            message = "a step of the stop failed, the stop goes on: %r"
            log_safely(logger, logging.ERROR, message, step, error=error)

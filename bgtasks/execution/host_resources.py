"""Resources that the host's container has opened and that nobody else would close."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter
from typing import Any
from weakref import WeakKeyDictionary

from attrs import Factory, define
from dependency_injector import providers

from bgtasks.clock import Timing
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely

__all__ = ["HostResources"]

logger: logging.Logger = logging.getLogger(__name__)

Resource = providers.Resource[Any]


@define
class _Use:
    """How many users the resources of one host have, and what was open before the first."""

    users: int = 0
    before: list[Resource] = Factory(list)


_uses: WeakKeyDictionary[Any, _Use] = WeakKeyDictionary()
"""By host: two containers of tasks in one host share its resources."""


class HostResources:
    """Each ``providers.Resource`` of the outermost container around ``inside``, a container or a
    provider in one. Context-local resources are left out: they belong to attempts."""

    def __init__(self, inside: Any, timing: Timing) -> None:
        self._inside = inside
        self._grace = timing.resource_grace

    @asynccontextmanager
    async def closed_at_end(self, still_used: Callable[[], bool]) -> AsyncIterator[None]:
        """Close at the end what was not open at the beginning: other resources belong to the code
        that opened them. Of several users of one host the last one closes, unless the host is
        ``still_used`` then. Errors are logged."""
        host = _host_of(self._inside)
        use = _uses.setdefault(host, _Use())
        if use.users == 0:
            use.before = _opened(host)
        use.users += 1
        try:
            yield
        finally:
            use.users -= 1
            if use.users == 0 and not still_used():
                await _close(
                    [item for item in _opened(host) if item not in use.before], self._grace
                )

    async def close(self) -> None:
        """Close all open resources; raises the first error once the others are closed too."""
        if (error := await _close(_opened(_host_of(self._inside)), self._grace)) is not None:
            raise error


def _host_of(inside: Any) -> Any:
    # A container's parent is the provider it is held by, whose parent is the container around it.
    while (parent := getattr(inside, "parent", None)) is not None:
        inside = parent
    return inside


def _opened(host: Any) -> list[Resource]:
    """The resources that are open, dependents before what they need."""
    opened = [item for item in host.traverse(types=[providers.Resource]) if _is_open(item)]
    graph = {item: list(_needed(item, opened)) for item in opened}
    # The sorter puts what others need first.
    return list(reversed(list(TopologicalSorter(graph).static_order())))


def _is_open(resource: Resource) -> bool:
    return resource.initialized and not isinstance(resource, providers.ContextLocalResource)


def _needed(resource: Resource, opened: Sequence[Resource]) -> Iterable[Resource]:
    below = list(resource.traverse(types=[providers.Resource]))
    return (item for item in opened if item is not resource and item in below)


async def _close(resources: Iterable[Resource], grace: float) -> BaseException | None:
    """Close them one after the other, each within ``grace`` seconds, whatever one of them raises;
    the first error. By the event loop's time: whoever holds the clock has stopped by now."""
    first: BaseException | None = None
    for resource in resources:
        try:
            async with asyncio.timeout(grace):
                closing: Any = resource.shutdown()
                if inspect.isawaitable(closing):
                    await closing
        except BaseException as error:
            if ends_this_task(error):
                raise
            message = "a resource of the application could not be closed"
            log_safely(logger, logging.ERROR, message, error=error)
            first = error if first is None else first
    return first

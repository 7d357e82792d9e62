"""The dependencies of one attempt: built for it alone, closed after it, whatever happened.

``ContextLocalSingleton`` and ``ContextLocalResource`` of dependency-injector keep their instance
in a context variable, so an attempt that runs in a ``contextvars.Context`` of its own has
instances of its own. What is left to do here is to close its resources in that same context.
"""

import inspect
from collections.abc import Callable, Iterable
from graphlib import TopologicalSorter
from typing import Any, cast

from dependency_injector import providers

__all__ = ["Scope", "ScopePlan"]


class ScopePlan:
    """Which resources a worker's provider can reach, and the order in which to close them.

    Worked out once, and again only when an override was applied or taken back anywhere below
    the provider: walking the graph costs more than running a small task.
    """

    def __init__(self, worker_provider: Callable[[], Any]) -> None:
        self.worker_provider = worker_provider
        self._reachable: tuple[providers.Provider[Any], ...] = ()
        self._overrides: list[object] | None = None
        self._resources: tuple[providers.ContextLocalResource[Any], ...] = ()

    def resources(self) -> tuple[providers.ContextLocalResource[Any], ...]:
        """The context-local resources below the provider; a dependent before what it needs."""
        overrides = [provider.overridden for provider in self._reachable]
        if overrides != self._overrides:
            self._explore()
        return self._resources

    def _explore(self) -> None:
        root = self.worker_provider
        if not isinstance(root, providers.Provider):
            self._overrides = []
            return
        self._reachable = (root, *root.traverse())
        self._overrides = [provider.overridden for provider in self._reachable]
        self._resources = tuple(_closing_order(_resources_below(root)))


def _resources_below(
    provider: providers.Provider[Any],
) -> list[providers.ContextLocalResource[Any]]:
    found = list(provider.traverse(types=[providers.ContextLocalResource]))
    if isinstance(provider, providers.ContextLocalResource):
        found.append(provider)
    return found


def _closing_order(
    resources: Iterable[providers.ContextLocalResource[Any]],
) -> list[providers.ContextLocalResource[Any]]:
    """Dependents first: a session is closed before the connection it was opened on."""
    graph: dict[providers.ContextLocalResource[Any], list[Any]] = {}
    for resource in resources:
        graph[resource] = [item for item in _resources_below(resource) if item is not resource]
    # The sorter puts what others need first, so its order is the one to open in.
    return list(reversed(list(TopologicalSorter(graph).static_order())))


class Scope:
    """One attempt's dependencies. Open and close it in the same ``contextvars.Context``."""

    def __init__(self, plan: ScopePlan) -> None:
        self._plan = plan

    async def open(self) -> Any:
        """The worker, with its dependencies built; raises what their providers raise."""
        worker = self._plan.worker_provider()
        # A provider that has resolved asynchronously once gives an awaitable from then on,
        # also where it is overridden with a plain object.
        return await worker if inspect.isawaitable(worker) else worker

    async def close(self) -> Exception | None:
        """Close every resource that was opened; the first error of one is given back, and
        does not keep the others from being closed."""
        first: Exception | None = None
        for resource in self._plan.resources():
            if not resource.initialized:
                continue
            try:
                closing = cast("Any", resource).shutdown()
                if inspect.isawaitable(closing):
                    await closing
            except Exception as error:
                first = first or error
        return first

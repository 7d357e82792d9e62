"""The dependencies of one attempt: built for it alone and always closed after it.

``ContextLocalSingleton`` and ``ContextLocalResource`` of dependency-injector keep their instance
in a context variable, so an attempt that runs in its own ``contextvars.Context`` has its own
instances. This module closes the attempt's resources in that same context.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from typing import Any, cast

from dependency_injector import providers

from bgtasks.clock import Clock, Timing
from bgtasks.execution.building import begin_building, finish_building, takes_time
from bgtasks.execution.opened import Resource, closing_order, opened_in, resources_below
from bgtasks.execution.own_task import forget_cancels, is_thrown_away

__all__ = ["Scope", "ScopePlan"]


class ScopePlan:
    """Which resources a worker's provider can reach, and the order in which to close them.

    Worked out once, and again only after an override was applied or removed anywhere below
    the provider: walking the graph costs more than running a small task.
    """

    def __init__(self, worker_provider: Callable[[], Any]) -> None:
        self.worker_provider = worker_provider
        self.builds_at_once: bool = False
        """Whether, with the present overrides, the worker was built without a wait: calling the
        provider itself is faster then."""
        self._reachable: tuple[providers.Provider[Any], ...] = ()
        self._overrides: list[object] | None = None
        self._resources: tuple[Resource, ...] = ()

    def resources(self) -> tuple[Resource, ...]:
        """The context-local resources below the provider; a dependent before what it needs."""
        overrides = [provider.overridden for provider in self._reachable]
        if overrides != self._overrides:
            self._explore()
        return self._resources

    def _explore(self) -> None:
        self.builds_at_once = False
        root = self.worker_provider
        if not isinstance(root, providers.Provider):
            self._overrides = []
            return
        self._reachable = (root, *root.traverse())
        self._overrides = [provider.overridden for provider in self._reachable]
        self._resources = closing_order(resources_below(root))


class Scope:
    """One attempt's dependencies. Make, open and close it in the same ``contextvars.Context``."""

    def __init__(self, plan: ScopePlan, clock: Clock, timing: Timing) -> None:
        self._plan = plan
        self._clock = clock
        self._built_within = timing.built_within
        self._resources = plan.resources()
        self._variables = len(contextvars.copy_context())
        self.takes_time: bool = False

    def begin(self) -> Any:
        """The worker, with its dependencies built; where the scope then ``takes_time``, what
        ``finish`` waits for. Raises what their providers raise."""
        plan = self._plan
        at_once = plan.builds_at_once
        worker = plan.worker_provider() if at_once else begin_building(plan.worker_provider)
        self.takes_time = takes_time(worker)
        if not self.takes_time:
            plan.builds_at_once = True
        return worker

    async def finish(self, begun: Any) -> Any:
        """The worker that ``begin`` has begun to build.

        A cancel of the running task is passed on to the dependency that is being opened.
        """
        # Each resource by itself, before what is built on it: its opening can be cancelled and
        # passes every error on. dependency-injector's futures do neither.
        for resource in reversed(self._resources):
            if (opening := _opening_of(resource)) is not None:
                await opening
        return await finish_building(begun, self._clock, self._built_within)

    def opened(self) -> tuple[Resource, ...]:
        """What the present context has opened and ``close`` has to close, in closing order."""
        context = contextvars.copy_context()
        if len(context) == self._variables and not self._resources:
            return ()  # the usual case: an open resource has a variable in the context
        known = tuple(item for item in self._resources if item.initialized)
        return opened_in(context, known)

    async def close(self, opened: tuple[Resource, ...]) -> BaseException | None:
        """Close every resource and return the first error. Neither an error nor a cancel of the
        running task keeps the others from being closed."""
        first, task = None, asyncio.current_task()
        for resource in opened:
            try:
                await _close(resource)
            except BaseException as error:
                if is_thrown_away(error, task):
                    raise
                first = error if first is None else first
                await forget_cancels(task)
        return first


async def _close(resource: Resource) -> None:
    opening = _opening_of(resource)
    if opening is not None and not opening.done():
        opening.cancel()
        await asyncio.wait([opening])
    if opening is not None and (opening.cancelled() or opening.exception() is not None):
        return  # it never opened
    closing = cast("Any", resource).shutdown()
    if inspect.isawaitable(closing):
        await closing


def _opening_of(resource: Resource) -> "asyncio.Future[Any] | None":
    """The asyncio task that opens an initialized resource, or did; ``None``: a plain call opened
    it."""
    if not resource.initialized or resource.last_overriding is not None:
        return None
    opening: Any = resource()
    return opening if asyncio.isfuture(opening) else None

"""Which context-local resources a context has opened: by injection into the worker's
constructor, by ``@inject`` in what the worker calls, or by a call of the provider."""

import contextvars
import functools
import gc
import logging
from collections.abc import Iterable
from graphlib import TopologicalSorter
from typing import Any

from dependency_injector import providers

from bgtasks.logs import log_safely

__all__ = ["Resource", "adopt", "closing_order", "opened_in", "resources_below"]

logger: logging.Logger = logging.getLogger(__name__)

Resource = providers.ContextLocalResource[Any]

_State: type = vars(providers)["ResourceState"]
"""What the context variable of such a resource holds while it is open."""


def opened_in(
    context: contextvars.Context,
    known: tuple[Resource, ...] = (),
    *,
    but_not_in: contextvars.Context | None = None,
) -> tuple[Resource, ...]:
    """The resources that are open in ``context``, dependents before what they need.

    ``known`` are those known to be open, in this order; if there are no others, no search is
    needed. Resources that the context ``but_not_in`` has open too are left out.
    """
    variables = [
        variable
        for variable, state in context.items()
        if type(state) is _State and (but_not_in is None or but_not_in.get(variable) is not state)
    ]
    if len(variables) == len(known):
        return known
    owners = [owner for item in variables if (owner := _owner_of(item)) is not None]
    if len(owners) < len(variables):
        log_safely(
            logger,
            logging.ERROR,
            "%d resources of an attempt were opened by providers that cannot be found, and stay "
            "open: inject them through the worker's provider",
            len(variables) - len(owners),
        )
    return closing_order(owners)


def adopt(context: contextvars.Context) -> None:
    """Make what was opened in ``context``, a copy of the present one, belong to the present one."""
    for variable, state in context.items():
        if type(state) is _State:
            variable.set(state)


@functools.lru_cache(maxsize=1024)
def _owner_of(variable: contextvars.ContextVar[Any]) -> Resource | None:
    """The provider whose state ``variable`` holds. Only the provider refers to the variable, so
    the garbage collector is asked, once for each variable."""
    for owner in gc.get_referrers(variable):
        if isinstance(owner, providers.ContextLocalResource):
            return owner
    return None


def resources_below(provider: providers.Provider[Any]) -> list[Resource]:
    """The context-local resources that ``provider`` can reach, including itself."""
    found = list(provider.traverse(types=[providers.ContextLocalResource]))
    if isinstance(provider, providers.ContextLocalResource):
        found.append(provider)
    return found


def closing_order(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Dependents first: a session is closed before the connection it was opened on."""
    chosen = list(resources)
    graph = {
        resource: [item for item in resources_below(resource) if item is not resource]
        for resource in chosen
    }
    # The sorter puts what others need first, so its order is the one to open in.
    order = reversed(list(TopologicalSorter(graph).static_order()))
    return tuple(resource for resource in order if resource in graph)
